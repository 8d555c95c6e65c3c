"""`python -m bench.agents`: ask the questions, print the marks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from bench.agents.evaluate import ask_one, questions, scripted
from bench.agents.plant import demo_plant
from lineshaft.act.agency.model import open_model


def main() -> int:
    """Ask all questions once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--url", default=os.environ.get("LINESHAFT_MODEL_URL", ""), help="Base URL of an OpenAI-compatible endpoint."
    )
    parser.add_argument("--model", default=os.environ.get("LINESHAFT_MODEL", ""))
    parser.add_argument("--key-env", default="", help="Environment variable that holds the API key.")
    parser.add_argument("--scripted", action="store_true", help="Play the way to each answer; no model is asked.")
    parser.add_argument("--within", type=float, default=120.0, help="Seconds for one question.")
    parser.add_argument("--json", type=Path, default=None)
    said = parser.parse_args()
    if not said.scripted and not (said.url and said.model):
        parser.error("name --url and --model, or say --scripted")
    marked = []
    with demo_plant() as plant:
        for question in questions():
            key = os.environ.get(said.key_env, "") if said.key_env else ""
            model = scripted(question) if said.scripted else open_model(said.url, said.model, key)
            row, _ = ask_one(plant, question, model, said.within)
            marked.append(row)
            mark = "right" if row.right else "WRONG"
            print(f"{mark} {row.id:<22} {row.calls} calls {row.tokens:>6} tokens {row.seconds:6.1f} s  {row.why}")
    right = sum(row.right for row in marked)
    about = "scripted: the way to each answer, no model was asked" if said.scripted else f"{said.model} at {said.url}"
    print(f"{right} of {len(marked)} right ({about})")
    if said.json:
        said.json.write_text(
            json.dumps({"model": about, "right": right, "answers": [asdict(row) for row in marked]}, indent=2, default=str)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
