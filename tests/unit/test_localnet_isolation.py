"""A failed transaction must not spoil the arithmetic of whoever sent it."""

from __future__ import annotations

import numpy as np
import pytest
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import VersionedTransaction

from decai.chain.idl import load_idls, program_elf
from decai.localnet import Node
from decai.localnet.errors import RpcError


def test_eigenvectors_stay_finite_after_a_program_refused() -> None:
    import base64

    from solders.hash import Hash
    from solders.instruction import AccountMeta, Instruction
    from solders.pubkey import Pubkey

    idl = load_idls()["model_manager"]
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((384, 384))
    symmetric = matrix @ matrix.T
    payer = Keypair()
    with Node() as node:
        node.deploy(idl.address, program_elf("model_manager"), name="model_manager")
        node.airdrop(payer.pubkey(), 10**10)
        name = bytes(32)  # an empty name: the program refuses it
        registry = Pubkey.find_program_address([b"registry", bytes(payer.pubkey()), name], idl.address)[0]
        data = bytes(idl.instructions["create_registry"]["discriminator"]) + name
        metas = [
            AccountMeta(payer.pubkey(), True, True),
            AccountMeta(registry, False, True),
            AccountMeta(Pubkey.default(), False, False),
        ]
        latest = node.call("getLatestBlockhash")
        assert isinstance(latest, dict)
        blockhash = Hash.from_string(latest["value"]["blockhash"])
        message = Message.new_with_blockhash([Instruction(idl.address, data, metas)], payer.pubkey(), blockhash)
        raw = base64.b64encode(bytes(VersionedTransaction(message, [payer]))).decode()
        with pytest.raises(RpcError, match="custom program error"):
            node.call("sendTransaction", [raw, {"encoding": "base64"}])
        assert np.isfinite(np.linalg.eigh(symmetric)[1]).all()
