//! Object stores: what a look costs them, and what it makes of what they say.

mod cost;
pub mod fixture;
mod found;
mod trouble;
