//! The drill on real programs: Redis with Bull, PostgreSQL with Prisma, nginx, Prometheus and
//! Alertmanager, in the place of the town's simulated ones, under the shipped checklist.
//!
//! Law: what goes wrong is done to a real program, in a way in which it does go wrong; what is left
//! of the town is simulated, and stays well.

mod database;
mod faults;
mod front;
mod monitoring;
mod queues;

use std::fs;
use std::path::Path;

use vigie::systems::clock::Clock;
use vigie_sim::town::Town;

use super::{Drill, Place, daemon};
use database::Database;
use front::Front;
use monitoring::Monitoring;
use queues::Queues;

async fn town(folder: &Path) -> Town {
    Town::found(folder, Clock::System.now()).await.expect("a town")
}

/// The place of Redis and PostgreSQL.
async fn of_data(queues: &Queues, database: &Database) -> Place {
    let variables = vec![
        ("town_sentinel", queues.sentinel().await),
        ("town_postgres_port", database.port.to_string()),
        // One of each follows the master and the primary here.
        ("redis_replicas", "1".to_owned()),
        ("postgres_standbys", "1".to_owned()),
    ];
    // Vigie has a user of its own at Redis.
    let login = format!(
        "master: mymaster }}\n      username: {}\n      password: {{ file: '{}' }}",
        queues::USER,
        queues.password_file().display()
    );
    let environment = [("master: mymaster }", &*login), ("database: prisma", "database: postgres")];
    let environment = environment.map(|(is, by)| (is.to_owned(), by.to_owned())).to_vec();
    Place { variables, environment, not_applicable: &[], looked_at: faults::items_of_data() }
}

/// The place of nginx, Prometheus and Alertmanager.
fn of_web(front: &Front, monitoring: &Monitoring) -> Place {
    let [secure, plain] = front.at;
    let [prometheus, alertmanager] = monitoring.at;
    let variables = vec![
        ("town_web", secure.to_string()),
        ("town_plain_web", plain.to_string()),
        ("town_prometheus", format!("http://{prometheus}")),
        ("town_alertmanager", format!("http://{alertmanager}")),
    ];
    let looked_at = faults::items_of_web();
    Place { variables, environment: Vec::new(), not_applicable: &[], looked_at }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_redis_and_postgres_turns_its_items_and_no_other_and_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = town(folder.path()).await;
    let brought =
        town.acts().into_iter().find_map(|act| act.body["migration"].as_str().map(str::to_owned));
    let expected = brought.expect("the migration that the deployment brought");
    let (queues, database) = tokio::join!(Queues::open(folder.path()), Database::open(&expected));
    let place = of_data(&queues, &database).await;
    let mut drill = Drill::in_place(&town, folder.path(), place).await;
    faults::of_workers(&mut drill, &queues).await;
    faults::of_redis(&mut drill, &queues).await;
    faults::of_migrations(&mut drill, &database).await;
    faults::of_postgres(&mut drill, &database).await;
    drill.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_nginx_and_prometheus_turns_its_items_and_no_other_and_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = town(folder.path()).await;
    let (front, monitoring) = tokio::join!(Front::open(), Monitoring::open());
    // The front's certificates are trusted, too.
    let trusted = town.variables()["town_ca"].clone();
    let own = fs::read_to_string(&trusted).expect("certificates");
    fs::write(trusted, own + front.root_pem()).expect("written");
    let place = of_web(&front, &monitoring);
    let looked_at = place.looked_at.clone();
    let daemon = daemon(&town, folder.path(), place).await;
    monitoring.watch(daemon.address()).await;
    let mut drill = Drill::on(daemon, &town, Some(looked_at)).await;
    faults::of_answers(&mut drill, &front).await;
    faults::of_tls(&mut drill, &front).await;
    faults::of_prometheus(&mut drill, &monitoring).await;
    faults::of_alerts(&mut drill, &monitoring).await;
    drill.end();
}
