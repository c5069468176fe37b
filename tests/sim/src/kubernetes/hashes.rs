//! The letters by which names of objects differ.

use serde_json::Value;

/// The annotation that `kubectl rollout restart` gives a template.
pub(super) const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// The `pod-template-hash` of a Deployment's template as it is now.
pub(super) fn hash_of(deployment: &Value) -> String {
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    hash_with(deployment, image.as_str().unwrap_or_default())
}

/// The same with another image.
pub(super) fn hash_with(deployment: &Value, image: &str) -> String {
    let restarted = &deployment["spec"]["template"]["metadata"]["annotations"][RESTARTED];
    hash(&format!("{image}{}", restarted.as_str().unwrap_or_default()))
}

/// Ten characters that differ with the text, of those that Kubernetes uses for such names.
pub(super) fn hash(text: &str) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut letters = String::new();
    for _ in 0..10 {
        let at = usize::try_from(state % 27).unwrap_or_default();
        letters.push(char::from(LETTERS[at]));
        state /= 27;
    }
    letters
}
