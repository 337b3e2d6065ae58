use anchor_lang::prelude::*;

/// Why the dao refused. The messages are shown to people: they say what to do where that isn't obvious.
#[error_code]
pub enum DaoError {
    #[msg("This account has a layout this program does not know; a newer program wrote it.")]
    UnknownLayout,
    #[msg("A number went out of range.")]
    Overflow,
    #[msg("The amount must be more than zero.")]
    ZeroAmount,
    #[msg("The name must be 1 to 32 bytes of UTF-8 without control characters, padded with zeros.")]
    InvalidName,
    #[msg("The policy has a value out of bounds.")]
    InvalidPolicy,
    #[msg("A guardian needs a term that ends within a year; without a guardian it must be 0.")]
    InvalidGuardian,
    #[msg("Only the collective's creator can do this, while it is being founded.")]
    NotCreator,
    #[msg("Founding ended with the first proposal; this now needs a vote.")]
    FoundingOver,
    #[msg("More than what is left of the founding supply.")]
    FoundingSupplyExceeded,
    #[msg("The registry is not offered to this collective: its owner calls offer_owner first.")]
    RegistryNotOffered,
    #[msg("This collective does not own the registry.")]
    RegistryNotOwned,
    #[msg("Less is staked than that.")]
    InsufficientStake,
    #[msg("This stake is locked while your proposals are open.")]
    StakeLocked,
    #[msg(
        "A proposal needs min_stake lamports staked for at least stake_age, for each of your open proposals."
    )]
    StakeTooSmall,
    #[msg("Fewer tokens are deposited than that.")]
    InsufficientDeposit,
    #[msg("Deposited tokens are locked until the vote they took part in ends.")]
    DepositLocked,
    #[msg("This kind of proposal is not supported by this version of the program.")]
    UnsupportedKind,
    #[msg("The description or target must be UTF-8 without control characters, padded with zeros, and not empty.")]
    InvalidText,
    #[msg("The details are not a content identifier.")]
    InvalidContentId,
    #[msg("The payload does not fit the kind of proposal.")]
    InvalidPayload,
    #[msg("A Train proposal needs a budget; other kinds must have none.")]
    InvalidBudget,
    #[msg("The founding supply is not wholly distributed yet: the creator finishes that before the first proposal.")]
    FoundingUnfinished,
    #[msg("The registry has no such version, or it was yanked.")]
    InvalidVersion,
    #[msg("Only the member or their delegate can do this.")]
    NotVoter,
    #[msg("Only the proposer can do this.")]
    NotProposer,
    #[msg("Voting on this proposal has not started.")]
    VotingNotStarted,
    #[msg("Voting on this proposal has started.")]
    VotingStarted,
    #[msg("Voting on this proposal has ended.")]
    VotingEnded,
    #[msg("Voting on this proposal has not ended.")]
    VotingNotEnded,
    #[msg("The choice must be 1 (for), 2 (against) or 3 (abstain).")]
    InvalidChoice,
    #[msg("No voting weight: only tokens deposited before the proposal was created count.")]
    NoVotingWeight,
    #[msg("The proposal is not in the state this needs.")]
    WrongState,
    #[msg("The hold-up has not passed.")]
    HoldUpRunning,
    #[msg("The hold-up has passed.")]
    HoldUpOver,
    #[msg("The execution window has closed.")]
    ExecutionWindowClosed,
    #[msg("The execution window is still open.")]
    ExecutionWindowOpen,
    #[msg("The proposal is of another kind.")]
    WrongKind,
    #[msg("Only the guardian can veto.")]
    NotGuardian,
    #[msg("The guardian's term has ended.")]
    GuardianExpired,
    #[msg("The treasury holds less than the budget: fund it first.")]
    TreasuryTooSmall,
    #[msg("The job does not hold exactly the executed budget.")]
    JobNotFunded,
    #[msg("The job or its record does not belong to this proposal.")]
    WrongJob,
    #[msg("The job is not settled.")]
    JobNotSettled,
    #[msg("The publish hold has not passed.")]
    PublishHoldRunning,
    #[msg("This proposal's model is already published.")]
    AlreadyPublished,
    #[msg("The proposal is another collective's.")]
    WrongDao,
    #[msg("The proposal is about another registry.")]
    WrongRegistry,
    #[msg("The vote's rent belongs to whoever cast it: pass their wallet as voter.")]
    WrongRentPayer,
    #[msg("An account broke its own invariant; the transaction was undone.")]
    InvariantBroken,
}
