/// Width of a registry's name.
pub const NAME_LEN: usize = 32;
/// Width of a version's note.
pub const NOTE_LEN: usize = 64;
/// Most results one batch root may stand for: a Merkle path of at most 20 hashes.
pub const MAX_BATCH: u32 = 1 << 20;

/// [`crate::state::ModelVersion::status`]: may be current and may receive results.
pub const STATUS_LIVE: u8 = 1;
/// [`crate::state::ModelVersion::status`]: withdrawn for good; the record stays.
pub const STATUS_YANKED: u8 = 2;

/// What separates a result from a batch in a worker's hash chain.
pub const RESULT_TAG: &[u8] = b"decai:result:v1";
pub const BATCH_TAG: &[u8] = b"decai:batch:v1";
