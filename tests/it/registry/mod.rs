//! Registries of images: a real one, and one whose answers are bent.

mod docker;
pub mod image;
mod trouble;

use std::time::Duration;

use tokio::time::Instant;
use vigie::model::finding::Obstacle;
use vigie::model::image::ImageName;
use vigie::systems::Systems;
use vigie::systems::registry::{Patience, Platform};

/// The time that a question has.
fn patience(systems: &Systems) -> Patience {
    Patience {
        until: Instant::now() + Duration::from_secs(10),
        fresh_within: Duration::ZERO,
        now: systems.clock.now(),
    }
}

/// The user that an image names.
async fn user(systems: &Systems, image: &str) -> Result<String, Obstacle> {
    user_of(systems, image, &Platform::default()).await
}

async fn user_of(systems: &Systems, image: &str, platform: &Platform) -> Result<String, Obstacle> {
    let image = ImageName::parse(image).expect("a reference");
    let config = systems.registries.config(&image, platform, patience(systems)).await?;
    Ok(config.user.clone())
}
