//! What a digest names: it never changes, and is kept in bounded number.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::image::ImageName;

/// Values by image and digest; the one that was kept first goes first.
#[derive(Debug)]
pub(super) struct Kept<V> {
    most: usize,
    held: Mutex<Held<V>>,
}

#[derive(Debug)]
struct Held<V> {
    values: HashMap<ImageName, Arc<V>>,
    order: VecDeque<ImageName>,
}

impl<V> Kept<V> {
    pub(super) fn new(most: usize) -> Self {
        let held = Held { values: HashMap::new(), order: VecDeque::new() };
        Self { most, held: Mutex::new(held) }
    }

    pub(super) fn get(&self, key: &ImageName) -> Option<Arc<V>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values.get(key).map(Arc::clone)
    }

    pub(super) fn keep(&self, key: ImageName, value: Arc<V>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.values.insert(key.clone(), value).is_some() {
            return;
        }
        held.order.push_back(key);
        if held.order.len() > self.most
            && let Some(first) = held.order.pop_front()
        {
            held.values.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_is_allowed() {
        let kept = Kept::new(3);
        let image = |number: usize| ImageName::parse(&format!("a/b:{number}")).unwrap();
        for number in 0..10 {
            kept.keep(image(number), Arc::new(number));
            kept.keep(image(number), Arc::new(number));
        }
        let there: Vec<usize> =
            (0..10).filter(|number| kept.get(&image(*number)).is_some()).collect();
        assert_eq!(there, [7, 8, 9]);
    }
}
