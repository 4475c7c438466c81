"""Figures: what a benchmark measured, beside its peer and its target, for people and programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

Figures = dict[str, dict[str, Any]]


def figure(
    ours: float,
    *,
    peer: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> dict[str, Any]:
    """Set a figure against its target: on the ratio of ours to the peer's, or on ours alone."""
    ratio = None if peer is None else ours / peer
    judged = ours if ratio is None else ratio
    target = met = None
    if at_least is not None:
        target, met = f">= {at_least:g}", judged >= at_least
    elif at_most is not None:
        target, met = f"<= {at_most:g}", judged <= at_most
    return {
        "ours": round(ours, 3),
        "peer": None if peer is None else round(peer, 3),
        "ratio": None if ratio is None else round(ratio, 3),
        "target": target,
        "met": met,
    }


def main(measure: Callable[[bool], Figures], description: str | None) -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="less work; done within a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = measure(options.quick)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    width = max(map(len, figures))
    print(f"{'':<{width}} {'ours':>12} {'peer':>12} {'ratio':>8}  target")
    for name, row in figures.items():
        peer = "" if row["peer"] is None else f"{row['peer']:,.3f}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3f}"
        judged = (
            "" if row["met"] is None else f"{row['target']}, {'met' if row['met'] else 'MISSED'}"
        )
        print(f"{name:<{width}} {row['ours']:>12,.3f} {peer:>12} {ratio:>8}  {judged}")
