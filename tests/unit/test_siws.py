"""Sign-in with Solana: the message, and everything that must not pass for an answer to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from decai.chain.siws import SignIn, origin_of
from decai.errors import WalletError

ORIGIN = "https://decai.example"
START = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def key() -> Keypair:
    return Keypair.from_seed(bytes([3] * 32))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_message_is_the_one_wallets_know(key: Keypair, clock: Clock) -> None:
    challenge = SignIn(clock).challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    assert challenge.message.decode().split("\n") == [
        "decai.example wants you to sign in with your Solana account:",
        str(key.pubkey()),
        "",
        "Sign in to DecAI. This proves that the address is yours. It moves nothing and is free.",
        "",
        "URI: https://decai.example",
        "Version: 1",
        "Chain ID: devnet",
        f"Nonce: {challenge.nonce}",
        "Issued At: 2026-03-01T12:00:00Z",
        "Expiration Time: 2026-03-01T12:05:00Z",
    ]
    assert len(challenge.nonce) == 32


def test_the_right_answer_proves_the_address_once(key: Keypair, clock: Clock) -> None:
    sign_in = SignIn(clock)
    challenge = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    answer = {
        "nonce": challenge.nonce,
        "origin": ORIGIN,
        "signed_message": challenge.message,
        "signature": bytes(key.sign_message(challenge.message)),
    }
    assert sign_in.verify(**answer) == str(key.pubkey())
    with pytest.raises(WalletError, match="already used"):
        sign_in.verify(**answer)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": "0" * 32}, "already used"),
        ({"origin": "https://decai.example:8443"}, "was for"),
        ({"origin": "http://decai.example"}, "was for"),
        ({"signed_message": b"something else"}, "another message"),
        ({"signature": bytes(64)}, "isn't"),
        ({"signature": b"short"}, "isn't"),
    ],
)
def test_a_wrong_answer_is_refused_and_spends_the_challenge(
    key: Keypair, clock: Clock, change: dict[str, object], words: str
) -> None:
    sign_in = SignIn(clock)
    challenge = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    right = {
        "nonce": challenge.nonce,
        "origin": ORIGIN,
        "signed_message": challenge.message,
        "signature": bytes(key.sign_message(challenge.message)),
    }
    with pytest.raises(WalletError, match=words):
        sign_in.verify(**{**right, **change})  # type: ignore[arg-type]
    with pytest.raises(WalletError, match="already used"):
        sign_in.verify(**right)


def test_another_keys_signature_over_the_right_message_is_refused(key: Keypair, clock: Clock) -> None:
    sign_in = SignIn(clock)
    challenge = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    other = Keypair.from_seed(bytes([4] * 32)).sign_message(challenge.message)
    with pytest.raises(WalletError, match="isn't"):
        sign_in.verify(nonce=challenge.nonce, origin=ORIGIN, signed_message=challenge.message, signature=bytes(other))


def test_it_expires_to_the_second(key: Keypair, clock: Clock) -> None:
    for wait, passes in ((timedelta(minutes=5, seconds=-1), True), (timedelta(minutes=5), False)):
        clock.now = START
        sign_in = SignIn(clock)
        challenge = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
        clock.now = START + wait
        signature = bytes(key.sign_message(challenge.message))
        arguments = {"nonce": challenge.nonce, "origin": ORIGIN, "signed_message": challenge.message}
        if passes:
            assert sign_in.verify(**arguments, signature=signature)  # type: ignore[arg-type]
        else:
            with pytest.raises(WalletError, match="expired"):
                sign_in.verify(**arguments, signature=signature)  # type: ignore[arg-type]


def test_a_newer_challenge_voids_the_older(key: Keypair, clock: Clock) -> None:
    sign_in = SignIn(clock)
    old = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    new = sign_in.challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    assert old.nonce != new.nonce
    with pytest.raises(WalletError, match="replaced"):
        sign_in.verify(
            nonce=old.nonce,
            origin=ORIGIN,
            signed_message=old.message,
            signature=bytes(key.sign_message(old.message)),
        )


def test_an_answer_made_for_another_session_is_refused(key: Keypair, clock: Clock) -> None:
    theirs = SignIn(clock).challenge(ORIGIN, str(key.pubkey()), "solana:devnet")
    with pytest.raises(WalletError, match="already used"):
        SignIn(clock).verify(
            nonce=theirs.nonce,
            origin=ORIGIN,
            signed_message=theirs.message,
            signature=bytes(key.sign_message(theirs.message)),
        )


def test_addresses_nobody_can_sign_for_get_no_challenge(clock: Clock) -> None:
    program = Pubkey.find_program_address([b"dao"], Pubkey.from_string("11111111111111111111111111111111"))[0]
    for address in ("", "not base58", "1" * 20, str(program), "abc\nURI: https://evil.example"):
        with pytest.raises(WalletError):
            SignIn(clock).challenge(ORIGIN, address, "solana:devnet")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Decai.Example/page?x=1", "https://decai.example"),
        ("https://decai.example:443", "https://decai.example"),
        ("http://127.0.0.1:8501/", "http://127.0.0.1:8501"),
        ("http://[::1]:8501", "http://[::1]:8501"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "null",
        "javascript:alert(1)",
        "https://",
        "https://a b",
        "https://x:port",
        "https://u@x",
        "//x",
        "https://x\ny",
    ],
)
def test_what_isnt_a_web_address_has_no_origin(url: str) -> None:
    if url == "https://x\ny":  # urlsplit drops line breaks; what is left is a plain host
        assert "\n" not in origin_of(url)
        return
    with pytest.raises(WalletError):
        origin_of(url)
