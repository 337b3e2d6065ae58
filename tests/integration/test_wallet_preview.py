"""Previews against the embedded node: what is foretold is what then happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import (
    InitializeMintParams,
    MintToCheckedParams,
    create_idempotent_associated_token_account,
    get_associated_token_address,
    initialize_mint,
    mint_to_checked,
)

from dashboard.signing.flow import Flow, Stage
from decai.chain import Action, Chain, LocalWallet
from decai.chain.idl import load_idls, program_elf
from decai.chain.offline import build_file, send_file, sign_file
from decai.chain.preview import preview
from decai.collective import Collective
from decai.config import load_settings
from decai.errors import InsufficientFunds, TransactionFailed
from decai.localnet import Node, NodeServer

SOL = 1_000_000_000


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    settings = load_settings()
    with Node() as node:
        for name, idl in load_idls(settings.programs_dir).items():
            node.deploy(idl.address, program_elf(name, settings.programs_dir), name=name)
        server = NodeServer(node)
        server.start()
        try:
            made = Chain(server.rpc_url, confirm_timeout_s=10.0, programs_dir=settings.programs_dir)
            yield made
            made.close()
        finally:
            server.stop()


@pytest.fixture
def wallet(chain: Chain) -> LocalWallet:
    made = LocalWallet(Keypair())
    chain.airdrop(made.pubkey, 10 * SOL)
    return made


def pay(wallet: LocalWallet, lamports: int) -> tuple[Action, Pubkey]:
    to = Keypair().pubkey()
    instruction = transfer(TransferParams(from_pubkey=wallet.pubkey, to_pubkey=to, lamports=lamports))
    return Action("Pay", (instruction,), wallet.pubkey, accounts={"treasury": to}), to


def test_a_transfer_foretold(chain: Chain, wallet: LocalWallet) -> None:
    action, to = pay(wallet, SOL)
    found = preview(chain, action)
    assert [(c.name, c.address, c.lamports) for c in found.balances] == [
        ("You", str(wallet.pubkey), -SOL - 5000),
        ("Treasury", str(to), SOL),
    ]
    assert [(w.name, w.effect) for w in found.written] == [("You", "changed"), ("Treasury", "created")]
    assert (found.fee_lamports, found.problem, found.warnings) == (5000, None, ())
    assert found.compute_units == 150
    before = chain.balance(wallet.pubkey)
    chain.send(action, wallet)
    assert chain.balance(wallet.pubkey) - before == found.balances[0].lamports


def test_the_simulation_changes_nothing(chain: Chain, wallet: LocalWallet) -> None:
    action, to = pay(wallet, SOL)
    preview(chain, action)
    assert chain.balance(to) == 0 and chain.balance(wallet.pubkey) == 10 * SOL


def test_what_would_fail_is_a_preview_with_the_reason(chain: Chain, wallet: LocalWallet) -> None:
    found = preview(chain, pay(wallet, 11 * SOL)[0])
    assert isinstance(found.problem, InsufficientFunds)
    assert found.warnings[0].startswith("It would fail now: ")
    assert not found.balances and {w.effect for w in found.written} == {"unknown"}


def test_an_unfunded_wallet_is_told_so(chain: Chain) -> None:
    assert preview(chain, pay(LocalWallet(Keypair()), 1)[0]).problem is not None


def test_a_programs_refusal_is_told_in_its_own_words(chain: Chain, wallet: LocalWallet) -> None:
    settings = load_settings()
    collective = Collective(settings, chain, wallet)
    stranger = LocalWallet(Keypair())
    chain.airdrop(stranger.pubkey, SOL)
    registry = collective.create_registry("mine")
    theirs = collective.with_wallet(stranger).registry_at(registry.address)
    found = preview(chain, theirs.offer_action(stranger.pubkey))
    assert isinstance(found.problem, TransactionFailed) and found.problem.name
    assert found.logs
    (step,) = found.steps
    assert step.values[0] == ("Registry", "“mine”"), "the registry that it is about isn't named"


def test_our_instruction_in_words_and_what_it_makes(chain: Chain, wallet: LocalWallet) -> None:
    action = Collective(load_settings(), chain, wallet).create_registry_action("sentiment")
    found = preview(chain, action)
    (step,) = found.steps
    assert step.does == "Create registry" and step.why and dict(step.values) == {"Name": "“sentiment”"}
    assert step.known and [a.name for a in step.accounts][:2] == ["Creator", "Registry"]
    made = {w.name: w.effect for w in found.written}
    assert made == {"You": "changed", "Registry": "created"}


def test_tokens_foretold_even_of_a_mint_that_is_only_being_made(chain: Chain, wallet: LocalWallet) -> None:
    mint = Keypair()
    account = get_associated_token_address(wallet.pubkey, mint.pubkey())
    action = Action(
        "Mint",
        (
            create_account(
                CreateAccountParams(
                    from_pubkey=wallet.pubkey,
                    to_pubkey=mint.pubkey(),
                    lamports=chain.rent(82),
                    space=82,
                    owner=TOKEN_PROGRAM_ID,
                )
            ),
            initialize_mint(
                InitializeMintParams(
                    decimals=6, program_id=TOKEN_PROGRAM_ID, mint=mint.pubkey(), mint_authority=wallet.pubkey
                )
            ),
            create_idempotent_associated_token_account(wallet.pubkey, wallet.pubkey, mint.pubkey()),
            mint_to_checked(
                MintToCheckedParams(
                    program_id=TOKEN_PROGRAM_ID,
                    mint=mint.pubkey(),
                    dest=account,
                    mint_authority=wallet.pubkey,
                    amount=2_500_000,
                    decimals=6,
                )
            ),
        ),
        wallet.pubkey,
        signers=(mint,),
        accounts={"mint": mint.pubkey()},
    )
    found = preview(chain, action)
    (change,) = found.tokens
    assert (change.amount, change.decimals, change.owner) == (2_500_000, 6, str(wallet.pubkey))
    assert change.mint == str(mint.pubkey()) and found.fee_lamports == 10_000
    chain.send(action, wallet)
    assert chain.token_balance(account) == 2_500_000


def test_a_flow_on_the_real_chain(chain: Chain, wallet: LocalWallet) -> None:
    action, to = pay(wallet, SOL)
    flow = Flow("pay", action, "solana:localnet", local=True)
    flow.look(chain)
    flow.sign_locally(chain, wallet, flow.preview_id)
    assert flow.stage is Stage.CONFIRMED and chain.balance(to) == SOL
    flow.sign_locally(chain, wallet, flow.preview_id)
    assert chain.balance(to) == SOL


def test_a_file_over_the_real_chain(
    chain: Chain, wallet: LocalWallet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("offline") / "pay.json"
    action, to = pay(wallet, SOL)
    built = build_file(chain, action, path)
    assert built.cluster_genesis == chain.genesis and isinstance(built.transaction(), VersionedTransaction)
    sign_file(path, wallet)
    done = send_file(chain, path)
    assert chain.balance(to) == SOL
    assert send_file(chain, path) == done and chain.balance(to) == SOL
