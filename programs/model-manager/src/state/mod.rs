//! The accounts. Each owns its transitions; `invariant()` is checked after every one of them.
//!
//! Fields are of fixed width, so that borsh's bytes are one packed little-endian record. `layout` comes first: an
//! account with an unknown one is refused.

mod inference_log;
mod model_registry;
mod model_version;

pub use inference_log::InferenceLog;
pub use model_registry::ModelRegistry;
pub use model_version::{ModelVersion, NewVersion};
