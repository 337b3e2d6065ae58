use super::payload::{check_empty, SetCurrentPayload, TrainPayload, PAYLOAD_LEN};
use super::Policy;
use crate::constants::*;
use crate::error::DaoError;
use anchor_lang::prelude::*;
use decai_common::{is_text, is_text_or_empty, ContentId, LAYOUT_V1, PPM};

/// Something a collective decides: ["proposal", dao, id].
#[account]
#[derive(InitSpace)]
pub struct Proposal {
    pub layout: u8,
    pub bump: u8,
    pub dao: Pubkey,
    pub id: u64,
    /// The proposer's wallet.
    pub proposer: Pubkey,
    /// The model registry this is about.
    pub registry: Pubkey,
    pub kind: u8,
    pub payload: [u8; PAYLOAD_LEN],
    pub description: [u8; 160],
    pub details: ContentId,
    pub target_param: [u8; 32],
    /// Lamports that executing moves from the treasury into the job.
    pub training_budget: u64,
    // The rules this proposal is decided by, whatever becomes of the policy.
    pub quorum_votes: u64,
    pub approval_ppm: u32,
    pub hold_up: i64,
    pub reward_pool: u64,
    pub min_gain_ppm: u32,
    pub votes_for: u64,
    pub votes_against: u64,
    pub abstain: u64,
    pub created_at: i64,
    pub voting_starts: i64,
    pub voting_ends: i64,
    /// 0 until finalised.
    pub finalized_at: i64,
    /// When a succeeded proposal can no longer be executed; 0 until finalised.
    pub expires_at: i64,
    pub state: u8,
    pub executed: u8,
    pub executed_at: i64,
    /// The training job an executed Train proposal opened; all zeros otherwise.
    pub job: Pubkey,
    /// The version made of the job's model; 0 until published.
    pub published_version: u64,
    pub reserved: [u8; 128],
}

/// What a proposer says.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    pub kind: u8,
    pub payload: [u8; PAYLOAD_LEN],
    pub description: [u8; 160],
    pub details: ContentId,
    pub target_param: [u8; 32],
    pub training_budget: u64,
}

impl Opening {
    /// Checks the text, and that payload and budget fit the kind.
    pub fn validate(&self) -> Result<()> {
        match self.kind {
            KIND_TRAIN => {
                TrainPayload::parse(&self.payload)?;
                require!(is_text(&self.target_param), DaoError::InvalidText);
            }
            KIND_SET_CURRENT => {
                SetCurrentPayload::parse(&self.payload)?;
            }
            KIND_ADOPT_REGISTRY => check_empty(&self.payload)?,
            _ => return err!(DaoError::UnsupportedKind),
        }
        require!((self.kind == KIND_TRAIN) == (self.training_budget > 0), DaoError::InvalidBudget);
        require!(is_text(&self.description), DaoError::InvalidText);
        require!(is_text_or_empty(&self.target_param), DaoError::InvalidText);
        require!(self.details.validate_optional().is_ok(), DaoError::InvalidContentId);
        Ok(())
    }
}

impl Proposal {
    pub const SPACE: usize = 8 + Self::INIT_SPACE;
    pub const LAYOUT: u8 = LAYOUT_V1;

    /// Writes what is proposed, and the rules of the moment, into a new account.
    pub fn open(&mut self, opening: &Opening, policy: &Policy, supply: u64, now: i64) -> Result<()> {
        opening.validate()?;
        self.layout = Self::LAYOUT;
        self.kind = opening.kind;
        self.payload = opening.payload;
        self.description = opening.description;
        self.details = opening.details;
        self.target_param = opening.target_param;
        self.training_budget = opening.training_budget;
        self.quorum_votes = policy.quorum_votes(supply)?;
        self.approval_ppm = policy.approval_ppm;
        self.hold_up = policy.hold_up;
        self.reward_pool = policy.reward_pool;
        self.min_gain_ppm = policy.min_gain_ppm;
        self.created_at = now;
        self.voting_starts = now.checked_add(policy.voting_delay).ok_or(DaoError::Overflow)?;
        self.voting_ends = self.voting_starts.checked_add(policy.voting_period).ok_or(DaoError::Overflow)?;
        self.state = STATE_PENDING;
        Ok(())
    }

    fn is_undecided(&self) -> bool {
        self.state == STATE_PENDING || self.state == STATE_VOTING
    }

    /// Refuses unless votes are taken at `now`: from `voting_starts` to before `voting_ends`.
    fn check_voting(&self, now: i64) -> Result<()> {
        require!(self.is_undecided(), DaoError::WrongState);
        require!(now >= self.voting_starts, DaoError::VotingNotStarted);
        require!(now < self.voting_ends, DaoError::VotingEnded);
        Ok(())
    }

    fn count(&mut self, choice: u8) -> Result<&mut u64> {
        match choice {
            VOTE_FOR => Ok(&mut self.votes_for),
            VOTE_AGAINST => Ok(&mut self.votes_against),
            VOTE_ABSTAIN => Ok(&mut self.abstain),
            _ => err!(DaoError::InvalidChoice),
        }
    }

    pub fn cast(&mut self, choice: u8, weight: u64, now: i64) -> Result<()> {
        self.check_voting(now)?;
        require!(weight > 0, DaoError::NoVotingWeight);
        let count = self.count(choice)?;
        *count = count.checked_add(weight).ok_or(DaoError::Overflow)?;
        self.state = STATE_VOTING;
        Ok(())
    }

    pub fn relinquish(&mut self, choice: u8, weight: u64, now: i64) -> Result<()> {
        self.check_voting(now)?;
        let count = self.count(choice)?;
        *count = count.checked_sub(weight).ok_or(DaoError::InvariantBroken)?;
        Ok(())
    }

    pub fn cancel(&mut self, now: i64) -> Result<()> {
        require!(self.state == STATE_PENDING, DaoError::WrongState);
        require!(now < self.voting_starts, DaoError::VotingStarted);
        self.state = STATE_CANCELLED;
        Ok(())
    }

    pub fn is_quorate(&self) -> bool {
        let votes = u128::from(self.votes_for)
            .saturating_add(u128::from(self.votes_against))
            .saturating_add(u128::from(self.abstain));
        votes >= u128::from(self.quorum_votes)
    }

    /// for / (for + against) reaches the approval; a tie never does.
    pub fn is_approved(&self) -> bool {
        let decided = u128::from(self.votes_for).saturating_add(u128::from(self.votes_against));
        let reached = u128::from(self.votes_for).saturating_mul(u128::from(PPM))
            >= decided.saturating_mul(u128::from(self.approval_ppm));
        self.votes_for > self.votes_against && reached
    }

    /// Counts the votes once voting has ended.
    pub fn finalize(&mut self, now: i64, execution_window: i64) -> Result<()> {
        require!(self.is_undecided(), DaoError::WrongState);
        require!(now >= self.voting_ends, DaoError::VotingNotEnded);
        self.finalized_at = now;
        if self.is_quorate() && self.is_approved() {
            self.state = STATE_SUCCEEDED;
            let window_ends = self.executable_at()?.checked_add(execution_window);
            self.expires_at = window_ends.ok_or(DaoError::Overflow)?;
        } else {
            self.state = STATE_DEFEATED;
        }
        Ok(())
    }

    /// The end of the hold-up of a finalised proposal.
    pub fn executable_at(&self) -> Result<i64> {
        Ok(self.finalized_at.checked_add(self.hold_up).ok_or(DaoError::Overflow)?)
    }

    /// Refuses unless this succeeded, is of `kind`, and its execution window is open.
    pub fn check_executable(&self, kind: u8, now: i64) -> Result<()> {
        require!(self.state == STATE_SUCCEEDED, DaoError::WrongState);
        require!(self.kind == kind, DaoError::WrongKind);
        require!(now >= self.executable_at()?, DaoError::HoldUpRunning);
        require!(now < self.expires_at, DaoError::ExecutionWindowClosed);
        Ok(())
    }

    pub fn execute(&mut self, kind: u8, now: i64) -> Result<()> {
        self.check_executable(kind, now)?;
        self.state = STATE_EXECUTED;
        self.executed = 1;
        self.executed_at = now;
        Ok(())
    }

    pub fn veto(&mut self, now: i64) -> Result<()> {
        require!(self.state == STATE_SUCCEEDED, DaoError::WrongState);
        require!(now < self.executable_at()?, DaoError::HoldUpOver);
        self.state = STATE_VETOED;
        Ok(())
    }

    pub fn expire(&mut self, now: i64) -> Result<()> {
        require!(self.state == STATE_SUCCEEDED, DaoError::WrongState);
        require!(now >= self.expires_at, DaoError::ExecutionWindowOpen);
        self.state = STATE_EXPIRED;
        Ok(())
    }

    /// Notes the version made of the trained model. Once.
    pub fn publish(&mut self, version: u64) -> Result<()> {
        require!(self.state == STATE_EXECUTED && self.kind == KIND_TRAIN, DaoError::WrongState);
        require!(self.published_version == 0, DaoError::AlreadyPublished);
        self.published_version = version;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::policy::tests::policy;
    use super::*;

    fn refused(result: Result<()>, error: DaoError) {
        assert_eq!(result.unwrap_err(), error.into());
    }

    fn text<const N: usize>(text: &str) -> [u8; N] {
        let mut field = [0; N];
        field[..text.len()].copy_from_slice(text.as_bytes());
        field
    }

    fn opening() -> Opening {
        let mut payload = [0; PAYLOAD_LEN];
        payload[0] = 1;
        Opening {
            kind: KIND_SET_CURRENT,
            payload,
            description: text("Use version 1"),
            details: ContentId::NONE,
            target_param: [0; 32],
            training_budget: 0,
        }
    }

    /// 1,000 tokens, quorum 15 %, approval 60 %; votes from 10 to 110.
    fn proposal() -> Proposal {
        let empty = [0; Proposal::SPACE];
        let mut proposal = Proposal::try_deserialize_unchecked(&mut &empty[..]).unwrap();
        proposal.open(&opening(), &policy(), 1_000, 0).unwrap();
        proposal
    }

    fn decided(votes_for: u64, votes_against: u64, abstain: u64) -> u8 {
        let mut proposal = proposal();
        (proposal.votes_for, proposal.votes_against, proposal.abstain) = (votes_for, votes_against, abstain);
        proposal.finalize(110, 200).unwrap();
        proposal.state
    }

    #[test]
    fn support_150_of_1000_is_a_quorum() {
        assert_eq!(decided(150, 0, 0), STATE_SUCCEEDED);
    }

    #[test]
    fn support_149_of_1000_is_no_quorum() {
        assert_eq!(decided(149, 0, 0), STATE_DEFEATED);
    }

    #[test]
    fn abstentions_make_a_quorum_but_no_approval() {
        assert_eq!(decided(1, 0, 149), STATE_SUCCEEDED);
        assert_eq!(decided(0, 0, 1_000), STATE_DEFEATED);
    }

    #[test]
    fn approval_120_to_80_is_just_enough() {
        assert_eq!(decided(120, 80, 0), STATE_SUCCEEDED);
        assert_eq!(decided(119, 81, 0), STATE_DEFEATED);
    }

    #[test]
    fn a_tie_is_never_approved() {
        let mut proposal = proposal();
        proposal.approval_ppm = PPM / 2;
        (proposal.votes_for, proposal.votes_against) = (500, 500);
        assert!(!proposal.is_approved());
        proposal.votes_for = 501;
        assert!(proposal.is_approved());
    }

    #[test]
    fn the_largest_votes_do_not_overflow() {
        let mut proposal = proposal();
        (proposal.votes_for, proposal.votes_against, proposal.abstain) = (u64::MAX, u64::MAX - 1, u64::MAX);
        assert!(proposal.is_quorate() && !proposal.is_approved());
        proposal.votes_against = 1;
        assert!(proposal.is_approved());
        refused(proposal.cast(VOTE_FOR, 1, 10), DaoError::Overflow);
    }

    #[test]
    fn votes_are_taken_from_start_to_before_the_end() {
        let mut proposal = proposal();
        refused(proposal.cast(VOTE_FOR, 1, 9), DaoError::VotingNotStarted);
        proposal.cast(VOTE_FOR, 1, 10).unwrap();
        assert_eq!(proposal.state, STATE_VOTING);
        proposal.cast(VOTE_AGAINST, 2, 109).unwrap();
        proposal.cast(VOTE_ABSTAIN, 3, 109).unwrap();
        refused(proposal.cast(4, 1, 109), DaoError::InvalidChoice);
        refused(proposal.cast(VOTE_FOR, 0, 109), DaoError::NoVotingWeight);
        refused(proposal.cast(VOTE_FOR, 1, 110), DaoError::VotingEnded);
        refused(proposal.finalize(109, 200), DaoError::VotingNotEnded);
        assert_eq!((proposal.votes_for, proposal.votes_against, proposal.abstain), (1, 2, 3));
        proposal.relinquish(VOTE_AGAINST, 2, 109).unwrap();
        assert_eq!(proposal.votes_against, 0);
        refused(proposal.relinquish(VOTE_FOR, 1, 110), DaoError::VotingEnded);
        refused(proposal.relinquish(VOTE_AGAINST, 1, 109), DaoError::InvariantBroken);
    }

    #[test]
    fn only_what_nobody_can_have_voted_on_is_cancelled() {
        let mut early = proposal();
        early.cancel(9).unwrap();
        refused(early.cast(VOTE_FOR, 1, 10), DaoError::WrongState);
        refused(early.finalize(110, 200), DaoError::WrongState);
        refused(proposal().cancel(10), DaoError::VotingStarted);
    }

    #[test]
    fn execution_waits_for_the_hold_up_and_ends_with_the_window() {
        let mut proposal = proposal();
        refused(proposal.execute(KIND_SET_CURRENT, 120), DaoError::WrongState);
        proposal.votes_for = 200;
        proposal.finalize(120, 200).unwrap();
        assert_eq!((proposal.executable_at().unwrap(), proposal.expires_at), (170, 370));
        refused(proposal.check_executable(KIND_TRAIN, 170), DaoError::WrongKind);
        refused(proposal.check_executable(KIND_SET_CURRENT, 169), DaoError::HoldUpRunning);
        refused(proposal.check_executable(KIND_SET_CURRENT, 370), DaoError::ExecutionWindowClosed);
        refused(proposal.expire(369), DaoError::ExecutionWindowOpen);
        refused(proposal.clone().veto(170), DaoError::HoldUpOver);
        let mut vetoed = proposal.clone();
        vetoed.veto(169).unwrap();
        refused(vetoed.execute(KIND_SET_CURRENT, 170), DaoError::WrongState);
        let mut expired = proposal.clone();
        expired.expire(370).unwrap();
        refused(expired.execute(KIND_SET_CURRENT, 170), DaoError::WrongState);
        proposal.execute(KIND_SET_CURRENT, 369).unwrap();
        assert_eq!((proposal.state, proposal.executed), (STATE_EXECUTED, 1));
        refused(proposal.execute(KIND_SET_CURRENT, 369), DaoError::WrongState);
        refused(proposal.publish(2), DaoError::WrongState);
    }

    #[test]
    fn a_trained_model_is_published_once() {
        let mut proposal = proposal();
        (proposal.state, proposal.kind) = (STATE_EXECUTED, KIND_TRAIN);
        proposal.publish(2).unwrap();
        refused(proposal.publish(3), DaoError::AlreadyPublished);
    }

    #[test]
    fn openings_are_checked() {
        let refused = |change: fn(&mut Opening), error: DaoError| {
            let mut opening = opening();
            change(&mut opening);
            assert_eq!(opening.validate().unwrap_err(), error.into());
        };
        assert!(opening().validate().is_ok());
        refused(|o| o.kind = 0, DaoError::UnsupportedKind);
        refused(|o| o.kind = KIND_SPEND, DaoError::UnsupportedKind);
        refused(|o| o.kind = KIND_TRAIN, DaoError::InvalidPayload);
        refused(|o| o.kind = KIND_ADOPT_REGISTRY, DaoError::InvalidPayload);
        refused(|o| o.training_budget = 1, DaoError::InvalidBudget);
        refused(|o| o.description = [0; 160], DaoError::InvalidText);
        refused(|o| o.description[159] = 1, DaoError::InvalidText);
        refused(|o| o.target_param[0] = 0xff, DaoError::InvalidText);
        refused(|o| o.details.len = 1, DaoError::InvalidContentId);
    }
}
