//! The clock: the only place that asks the system for the time.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// The time, handed to everybody who judges, schedules or shows it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that tests set by hand, backwards too.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands still at `now` until it is set.
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(now)))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place that may")]
            Self::System => Timestamp::now(),
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Sets a manual clock; the system's is never set.
    pub fn set(&self, to: Timestamp) {
        match self {
            Self::System => {}
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner) = to,
        }
    }
}
