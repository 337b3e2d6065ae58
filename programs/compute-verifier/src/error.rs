//! Everything this program refuses, in words a person can act on.

use anchor_lang::prelude::*;

#[error_code]
pub enum ComputeVerifierError {
    #[msg("The account has a layout this program does not know")]
    UnknownLayout,
    #[msg("A sum or product does not fit its integer")]
    Overflow,
    #[msg("The account must be the dao program's authority of this DAO, and sign")]
    NotDaoAuthority,
    #[msg("The account is not a Dao of the dao program")]
    NotADao,

    // drafts and sets
    #[msg("The bytes reach beyond the end of the draft")]
    DraftOverrun,
    #[msg("The set is neither a training (1) nor an evaluation (2) set")]
    UnknownSetKind,
    #[msg("A set has 1 to 64 chunks")]
    ChunkCount,
    #[msg("Rows per chunk must be a power of two, at most 65,536")]
    RowsPerChunk,
    #[msg("A row has 1 to 512 features")]
    FeatureCount,
    #[msg("A root or commitment is not below the order of the BN254 scalar field")]
    NotAFieldElement,
    #[msg("The id is not the sha256 of content, parameters and roots")]
    WrongSetId,
    #[msg("The content identifier is malformed")]
    MalformedContent,

    // opening
    #[msg("A period is negative, zero where it may not be, or longer than 366 days")]
    PeriodOutOfRange,
    #[msg("At least one attestation must be required")]
    NoAttestationsRequired,
    #[msg("A ratio exceeds 1,000,000 parts per million")]
    RatioOutOfRange,
    #[msg("A flag must be 0 or 1")]
    NotAFlag,
    #[msg("The budget must not be zero")]
    NoBudget,
    #[msg("The set account is not the one named in the arguments")]
    WrongSet,
    #[msg("The set is of the other kind: training and evaluation are swapped")]
    WrongSetKind,
    #[msg("Training and evaluation set have different numbers of features")]
    FeaturesDiffer,

    // the job's life
    #[msg("The job is not in a state that allows this")]
    WrongState,
    #[msg("The job's escrow does not hold its budget and bonds")]
    Unfunded,
    #[msg("The bidding has ended")]
    BiddingEnded,
    #[msg("The bidding has not ended yet")]
    BiddingOpen,
    #[msg("The price exceeds the job's budget")]
    PriceAboveBudget,
    #[msg("The price is not below the best bid so far")]
    NotCheaper,
    #[msg("Nobody has bid")]
    NoBid,
    #[msg("The job has a bid: lease it")]
    HasBid,
    #[msg("Too many leases of this job have failed: it can only be refunded")]
    AttemptsExhausted,
    #[msg("The market is none of akash (1), golem (2), peer (3), local (4)")]
    UnknownMarket,
    #[msg("A text field is not zero-padded UTF-8, or is empty where it may not be")]
    MalformedText,
    #[msg("The account to refund must be the wallet of the best bid so far, or the bidder's own if there is none")]
    WrongRefundAccount,
    #[msg("Only the provider who leased the job can do this")]
    NotTheProvider,
    #[msg("The lease has run out")]
    DeadlinePassed,
    #[msg("The lease has not run out yet")]
    DeadlineNotPassed,
    #[msg("It is too early to refund this job")]
    TooEarlyToRefund,

    // records
    #[msg("More correct answers than rows in the evaluation set")]
    TooManyCorrect,
    #[msg("The energy grade is none of measured (1), estimated (2), declared (3)")]
    UnknownEnergyGrade,
    #[msg("Energy on a rented machine is declared by its provider: the grade must be declared (3)")]
    RentedEnergyIsDeclared,
    #[msg("CO2e is not energy times carbon intensity")]
    CarbonMismatch,
    #[msg("A hash must not be all zeros")]
    EmptyHash,

    // review
    #[msg("The member account is not one of the job's DAO, or not the signer's")]
    NotAMember,
    #[msg("The provider and the proposer cannot attest to their own job")]
    InterestedParty,
    #[msg("The member has too little stake that is old enough")]
    NotEnoughStake,
    #[msg("The weights you computed are not the record's: dispute the job instead of attesting")]
    StatementMismatch,
    #[msg("The challenge period has not ended yet")]
    ChallengePeriodOpen,
    #[msg("Not enough members have attested")]
    NotEnoughAttestations,

    // publication
    #[msg("The hold between settlement and publication has not ended yet")]
    PublishHoldOpen,
    #[msg("The published version must be newer than the job's base")]
    VersionNotNewer,
}
