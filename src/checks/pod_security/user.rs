//! The effective user of a container: its own, else its pod's, else its image's.

use std::collections::BTreeSet;

use crate::model::finding::Obstacle;
use crate::model::image::{ImageName, running_digest};
use crate::systems::kubernetes::template::{Container, Running, Template};

/// What the specification says of a container's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// Not root: by number, or because the kubelet refuses to start it as root.
    NonRoot,
    /// Root, by number.
    Root,
    /// Whatever the image says.
    OfImage,
}

/// What the specification says of a container's user. The container's own word counts before its
/// pod's, as for the kubelet.
pub(super) fn declared(template: &Template, container: &Container) -> Declared {
    let (own, of_pod) = (&container.security.context, &template.security.context);
    match own.run_as_user.or(of_pod.run_as_user) {
        Some(user) if user > 0 => Declared::NonRoot,
        Some(_) => Declared::Root,
        // The kubelet asks the image itself, and starts nothing that is or may be root.
        None if own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true) => Declared::NonRoot,
        None => Declared::OfImage,
    }
}

/// What an image's `USER` amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// A number other than 0.
    NonRoot,
    /// 0, `root`, or none at all.
    Root,
    /// A name, whose number only the image's own files tell.
    Named,
}

impl User {
    /// Reads `USER`, of which a group after a colon is left out.
    pub(super) fn of(text: &str) -> Self {
        let user = text.split(':').next().unwrap_or_default().trim();
        if user.is_empty() || user == "root" {
            return Self::Root;
        }
        if !user.chars().all(|c| c.is_ascii_digit() || c == '+') {
            return Self::Named;
        }
        // A number that nothing can hold is none.
        match user.parse::<u32>() {
            Ok(0) => Self::Root,
            Ok(_) => Self::NonRoot,
            Err(_) => Self::Named,
        }
    }
}

/// The image to ask for of a container: by the digest that runs, where the node tells one.
///
/// # Errors
/// The reference is none.
pub(super) fn image_of(container: &Container, running: &[Running]) -> Result<ImageName, String> {
    let image = ImageName::parse(&container.image)?;
    let started = running.iter().find(|one| one.container == container.name);
    // Without a repository it is the digest of a configuration, which no registry finds.
    let digest = started
        .filter(|one| one.image_id.contains('@'))
        .and_then(|one| running_digest(&one.image_id));
    Ok(match digest {
        Some(digest) => image.at(&digest),
        None => image,
    })
}

/// What is known of an image's user.
pub(super) type Asked = Result<String, Obstacle>;

/// The images whose users a look needs: those of containers that leave it to them.
pub(super) fn left_to_images(
    template: &Template,
    running: &[Running],
    wanted: &mut BTreeSet<ImageName>,
) {
    if template.security.windows {
        return;
    }
    let left = template
        .containers
        .iter()
        .filter(|container| declared(template, container) == Declared::OfImage);
    wanted.extend(left.filter_map(|container| image_of(container, running).ok()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn users_are_read_as_runtimes_read_them() {
        for (text, user) in [
            ("", User::Root),
            ("0", User::Root),
            ("00", User::Root),
            ("0:1000", User::Root),
            ("root", User::Root),
            ("root:root", User::Root),
            (":1000", User::Root),
            ("1000", User::NonRoot),
            ("1000:0", User::NonRoot),
            ("node", User::Named),
            ("nobody:nogroup", User::Named),
            ("-1", User::Named),
            ("99999999999999999999", User::Named),
            ("Root", User::Named),
        ] {
            assert_eq!(User::of(text), user, "{text}");
        }
    }

    proptest! {
        #[test]
        fn only_a_number_other_than_zero_is_believed(text in any::<String>()) {
            let number = text.split(':').next().unwrap_or_default().trim().parse::<u64>();
            let believed = User::of(&text) == User::NonRoot;
            prop_assert!(!believed || number.is_ok_and(|number| number > 0));
        }
    }
}
