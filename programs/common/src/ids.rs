//! The ids of the four programs. Each program's `declare_id!` is tested to equal its constant here.

use anchor_lang::prelude::{pubkey, Pubkey};

pub const MODEL_MANAGER: Pubkey = pubkey!("7muPyrif7EGatG1mdVpiYEHQifpn4dUdSJhY7qzR9HAr");
pub const DAO: Pubkey = pubkey!("Ew5hmZw2E717FAXzqN2k4gvoZZbCD9U3JYWyob6cdtPS");
pub const COMPUTE_VERIFIER: Pubkey = pubkey!("Fta6GF9Jr241ZaCtvtojgGAMoZDZYNLyBHqWiQgFtCUq");
pub const NFT_MINTER: Pubkey = pubkey!("6VmnEuJW6Ly4Jcf48qabz27hN45iGqe2LFESstFG6QZo");
