"""``python -m decai`` is ``decai``."""

from decai.cli import main

if __name__ == "__main__":
    main()
