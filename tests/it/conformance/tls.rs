//! `tls`, wherever the Secret lies whose certificate is to be shown.

use super::Case;
use super::ground::Ground;
use crate::net::vault::Vault;

pub const CASES: &[Case] = cases! {
    "an endpoint shows the certificate of its Secret, until that is renewed" => renewal;
    "the right to get another Secret is none" => forbidden;
};

async fn renewal(ground: &Ground) {
    let vault = Vault::new().await;
    let check = vault.check_in(ground.namespace());
    ground.fails(&check, "NotFound").await;
    ground.put(vault.other_secret()).await;
    ground.fails(&check, "SecretDiffers").await;
    ground.put(vault.secret()).await;
    let judgement = ground.passes(&check).await;
    assert!(!format!("{judgement:?}").contains("PRIVATE KEY"));
    ground.remove(&vault.secret()).await;
    ground.fails(&check, "NotFound").await;
}

async fn forbidden(ground: &Ground) {
    let vault = Vault::new().await;
    ground.put(vault.secret()).await;
    ground.lacks(&vault.check_in(ground.namespace()), "secrets").await;
}
