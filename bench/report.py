"""What was measured, as a table, and its place in docs/performance.md."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from bench.meters import Run
from bench.server import BenchError

BEGIN, END = "<!-- table -->", "<!-- /table -->"
MEBIBYTE = 1024 * 1024
# A worker's memory counts as flat when it grows by no more.
LARGEST_GROWTH = 0.05


@dataclass
class Result:
    """A path and its limit, measured one after the other in every round."""

    name: str
    limit_name: str
    goal: float
    rounds: list[tuple[Run, Run]] = field(default_factory=list)

    def add(self, limit: Run, path: Run) -> None:
        if not limit.count:
            raise BenchError(f"{self.limit_name} was not reached once: nothing to compare with")
        self.rounds.append((limit, path))

    @property
    def shares(self) -> list[float]:
        """What part of its limit the path has reached, in each round."""
        return [path.per_second / limit.per_second for limit, path in self.rounds]

    @property
    def share(self) -> float:
        return median(self.shares)

    @property
    def is_met(self) -> bool:
        return self.share >= self.goal

    @property
    def row(self) -> tuple[str, ...]:
        limit = median(limit.per_second for limit, _ in self.rounds)
        path = median(path.per_second for _, path in self.rounds)
        slowest = [run.slowest_ms for _, run in self.rounds if run.slowest_ms is not None]
        within = f"{median(slowest):,.0f} ms" if slowest else "–"
        return (
            self.name,
            self.limit_name,
            f"{limit:,.0f}",
            f"{path:,.0f}",
            within,
            percent(self.share),
            f"{percent(min(self.shares))} – {percent(max(self.shares))}",
            f"≥ {percent(self.goal, '.0%')}",
            yes_or_no(self.is_met),
        )


@dataclass(frozen=True)
class Timing:
    """A command, and the same in SQL by hand where there is one."""

    name: str
    seconds: float
    by_hand: float | None = None

    @property
    def row(self) -> tuple[str, ...]:
        if self.by_hand is None:
            return self.name, f"{self.seconds:.1f} s", "–", "–"
        times = f"{self.seconds / self.by_hand:.1f} ×"
        return self.name, f"{self.seconds:.1f} s", f"{self.by_hand:.1f} s", times


@dataclass(frozen=True)
class Memory:
    """What the larger of the workers has resident in bytes, after so many requests to all."""

    before: int
    after: int
    requests_before: int
    requests_after: int

    @property
    def growth(self) -> float:
        return self.after / self.before - 1

    @property
    def row(self) -> tuple[str, ...]:
        return (
            "the larger of two workers",
            f"{self.before / MEBIBYTE:.1f} MiB after {self.requests_before:,} requests",
            f"{self.after / MEBIBYTE:.1f} MiB after {self.requests_after:,}",
            percent(self.growth, "+.1%"),
            f"≤ {percent(LARGEST_GROWTH, '+.0%')}",
            yes_or_no(self.growth <= LARGEST_GROWTH),
        )


@dataclass
class Report:
    """Everything that one run of the benchmark has found."""

    circumstances: str
    results: list[Result] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    memory: Memory | None = None

    def __str__(self) -> str:
        parts = [self.circumstances]
        if self.results:
            parts.append(table(RESULT_HEAD, (result.row for result in self.results)))
        if self.timings:
            parts.append(table(TIMING_HEAD, (timing.row for timing in self.timings)))
        if self.memory:
            parts.append(table(MEMORY_HEAD, [self.memory.row]))
        return "\n\n".join(parts)


RESULT_HEAD = (
    *("Path", "Limit", "Limit's /s", "Path's /s", "99 % within"),
    *("Share", "Spread", "Goal", "Met"),
)
TIMING_HEAD = ("Command", "Whole process", "SQL by hand", "Ratio")
MEMORY_HEAD = ("Memory", "Before", "After", "Growth", "Goal", "Met")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """In Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percent(share: float, form: str = ".1%") -> str:
    return format(share, form).replace("%", " %")


def yes_or_no(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def with_table(document: str, content: str) -> str:
    """The document with what is between its two markers replaced; nothing else of it changes.

    Raises BenchError when it has not each marker once, in their order.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in before + after:
        raise BenchError(f"the document needs one {BEGIN} and after it one {END}")
    return f"{before}{BEGIN}\n{content}\n{END}{after}"
