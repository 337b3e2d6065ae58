//! First seeds of every program-derived address. Numbers among the further seeds are little-endian.

// model-manager
pub const REGISTRY: &[u8] = b"registry"; // creator, name
pub const VERSION: &[u8] = b"version"; // registry, number u32
pub const LOG: &[u8] = b"log"; // registry, worker

// dao
pub const DAO: &[u8] = b"dao"; // creator, name
pub const VAULT: &[u8] = b"vault"; // dao
pub const TREASURY: &[u8] = b"treasury"; // dao
pub const DEPOSITS: &[u8] = b"deposits"; // dao
pub const AUTHORITY: &[u8] = b"authority"; // dao
pub const MEMBER: &[u8] = b"member"; // dao, wallet
pub const PROPOSAL: &[u8] = b"proposal"; // dao, id u64
pub const VOTE: &[u8] = b"vote"; // proposal, member

// compute-verifier
pub const SET: &[u8] = b"set"; // sha256(content ‖ params ‖ roots)
pub const VERIFYING_KEY: &[u8] = b"vk"; // sha256(vk ‖ params)
pub const JOB: &[u8] = b"job"; // proposal
pub const RECORD: &[u8] = b"record"; // job
pub const ATTESTATION: &[u8] = b"attest"; // job, member
pub const PROVIDER: &[u8] = b"provider"; // dao, wallet
pub const LEADERBOARD: &[u8] = b"leaderboard"; // dao
pub const OFFSET: &[u8] = b"offset"; // sha256(certificate)
pub const ANCHOR: &[u8] = b"anchor"; // sha256(report)

// nft-minter
pub const COLLECTION: &[u8] = b"collection"; // dao
pub const ACHIEVEMENT: &[u8] = b"achievement"; // collection, wallet, kind
