# One-word tasks; the README's commands need none of them.

test:
    python -m pytest -q

lint:
    ruff check .
    ruff format --check .
    mypy

fix:
    ruff check --fix .
    ruff format .

# build the on-chain programs and their IDLs
programs:
    python3 programs/toolchain/build.py

browser:
    python -m pytest -q -m browser

bench:
    for b in tests/bench/bench_*.py; do python $b; done

docs:
    python docs/check.py

ci:
    .ci/run
