"""The table of what was done and what the plan said, and its place in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from provider import Broken

from .rows import Row

PAGE = Path(__file__).parents[3] / "docs" / "terraform.md"
START, END = "<!-- matrix -->", "<!-- /matrix -->"

NO_CHANGES = "No changes"


def told(plan: tuple[str, ...]) -> str:
    """What a plan says, in short."""
    if not plan:
        return NO_CHANGES
    counts: dict[str, list[str]] = {}
    for change in plan:
        what, _, rest = change.partition(" of ")
        service, _, action = rest.rpartition(" ")
        counts.setdefault(f"{what} {action}" if service else change, []).append(service)
    return ", ".join(f"**{what}**" for what in sorted(counts, reverse=True))


def line(row: Row, plans: Iterable[tuple[str, ...]]) -> str:
    """A line of the table."""
    shown = [(step.told, told(plan)) for step, plan in zip(row.steps, plans) if step.told]
    done, said = "; ".join(did for did, _ in shown), [word for _, word in shown]
    if set(said) == {NO_CHANGES} and len(said) > 1:
        said = [f"{NO_CHANGES}, each time"]
    start = f"{row.differs}: " if row.differs else ""
    return f"| {start}{done} | {'; '.join(said)} |"


def table(rows: Iterable[tuple[str, list[Row]]], plans: Mapping[str, list[tuple[str, ...]]]) -> str:
    """The whole table."""
    lines = []
    for heading, group in rows:
        lines += [f"**{heading}**", "", "| what was done | what `terraform plan` said |", "|---|---|"]
        lines += [line(row, plans[row.name]) for row in group]
        lines.append("")
    return "\n".join(lines).strip()


def keep(text: str, is_to_be_written: bool) -> None:
    """The page has the table; where it is to be written, from now on."""
    page = PAGE.read_text()
    wanted = re.sub(
        f"{START}.*{END}", lambda _: f"{START}\n\n{text}\n\n{END}", page, flags=re.DOTALL
    )
    if START not in page:
        raise Broken(f"{PAGE} has no place for the table")
    if is_to_be_written:
        PAGE.write_text(wanted)
    elif page != wanted:
        raise Broken("docs/terraform.md has another table: run it with UPDATE_DOCS=1")
