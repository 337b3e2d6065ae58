pub mod accept_owner;
pub mod create_registry;
pub mod offer_owner;
pub mod post_result;
pub mod publish_version;
pub mod set_current;
pub mod yank_version;

pub use accept_owner::*;
pub use create_registry::*;
pub use offer_owner::*;
pub use post_result::*;
pub use publish_version::*;
pub use set_current::*;
pub use yank_version::*;
