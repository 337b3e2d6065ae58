// web3.js and spl-token against a node; prints one JSON object. Usage: node client.mjs RPC_URL
import {
  Connection, Keypair, LAMPORTS_PER_SOL, PublicKey, SystemProgram, Transaction, TransactionMessage,
  VersionedTransaction, sendAndConfirmTransaction,
} from "@solana/web3.js";
import {
  TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID, createMint, getAccount, getOrCreateAssociatedTokenAccount, mintTo,
} from "@solana/spl-token";

// The WebSocket's address isn't given: web3.js expects it on the next port.
const connection = new Connection(process.argv[2], "confirmed");
const payer = Keypair.generate();
const friend = Keypair.generate();
const said = {};

const airdrop = await connection.requestAirdrop(payer.publicKey, 10 * LAMPORTS_PER_SOL);
const latest = await connection.getLatestBlockhash();
said.airdrop = (await connection.confirmTransaction({ signature: airdrop, ...latest }, "confirmed")).value.err;

// web3.js subscribes in its own time: that the second transfer is heard of is what counts.
let hear;
const heard = new Promise((resolve) => { hear = resolve; });
const account = connection.onAccountChange(friend.publicKey, (info) => {
  if (info.lamports === LAMPORTS_PER_SOL + 5) hear(info.lamports);
});
let log;
const logged = new Promise((resolve) => { log = resolve; });
const logs = connection.onLogs(payer.publicKey, (entry) => log(entry.err));

const pay = (lamports) =>
  SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: friend.publicKey, lamports });
const signature = await sendAndConfirmTransaction(connection, new Transaction().add(pay(LAMPORTS_PER_SOL)), [payer]);
said.balance = await connection.getBalance(friend.publicKey);

const { blockhash } = await connection.getLatestBlockhash();
const message = new TransactionMessage({ payerKey: payer.publicKey, recentBlockhash: blockhash, instructions: [pay(5)] });
const versioned = new VersionedTransaction(message.compileToV0Message());
versioned.sign([payer]);
said.simulated = (await connection.simulateTransaction(versioned)).value.err;
const second = await connection.sendTransaction(versioned);
const found = await connection.getTransaction(second, { maxSupportedTransactionVersion: 0 });
said.version = found.version;
said.fee = found.meta.fee;
const parsed = await connection.getParsedTransaction(second, { maxSupportedTransactionVersion: 0 });
said.parsed = parsed.transaction.message.accountKeys[0].pubkey.equals(payer.publicKey);
said.signatures = (await connection.getSignaturesForAddress(friend.publicKey)).map((each) => each.signature);
said.signatures = said.signatures.join() === [second, signature].join();

said.heard = await heard;
said.logged = await logged;
await connection.removeAccountChangeListener(account);
await connection.removeOnLogsListener(logs);

said.tokens = [];
for (const program of [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID]) {
  const mint = await createMint(
    connection, payer, payer.publicKey, null, 6, undefined, { commitment: "confirmed" }, program);
  const holding = await getOrCreateAssociatedTokenAccount(
    connection, payer, mint, payer.publicKey, false, "confirmed", undefined, program);
  await mintTo(connection, payer, mint, holding.address, payer, 777, [], undefined, program);
  const held = await connection.getParsedTokenAccountsByOwner(payer.publicKey, { mint });
  said.tokens.push([
    Number((await getAccount(connection, holding.address, "confirmed", program)).amount),
    held.value[0].account.data.parsed.info.tokenAmount.uiAmountString,
  ]);
}
said.system = (await connection.getAccountInfo(new PublicKey(payer.publicKey))).owner.equals(SystemProgram.programId);
console.log(JSON.stringify(said));
process.exit(0);
