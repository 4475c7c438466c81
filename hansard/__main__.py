"""`python -m hansard`."""

from __future__ import annotations

from hansard.cli.main import main

if __name__ == "__main__":
    main()
