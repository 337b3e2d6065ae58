"""One training job, in a process of its own, within limits of cores, memory and time.

Run as ``python -m decai.training.task SPEC``, where SPEC is a JSON file written by :func:`run_task`. The result is
written beside it and renamed into place: it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from decai.errors import TrainingError

__all__ = ["Limits", "TaskResult", "TaskSpec", "run_task"]


@dataclass(frozen=True)
class Limits:
    """What a job may use of this machine.

    Attributes
    ----------
    cores : int
    memory_mb : int
        Address space above what Python and its libraries map, which is about 1 GB.
    seconds : float
        Wall clock for one job.
    """

    cores: int = 1
    memory_mb: int = 2048
    seconds: float = 600.0

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory_mb < 256 or self.seconds <= 0:
            raise TrainingError(
                f"A job can't run on {self.cores} cores, {self.memory_mb} MB and {self.seconds:g} s.",
                hint="Give at least one core, 256 MB and some time.",
            )


@dataclass(frozen=True)
class TaskSpec:
    """What to train.

    Attributes
    ----------
    base, train_set, eval_set : str
        Folders: the bundle to start from, and the two sets.
    parent_version : int
    parent_cid : str
    train_set_cid, eval_set_cid : str
        Named in the new bundle's manifest.
    out : str
        Folder for the new bundle; must not exist.
    region : str
    pue : float
    """

    base: str
    train_set: str
    eval_set: str
    parent_version: int
    parent_cid: str
    train_set_cid: str
    eval_set_cid: str
    out: str
    region: str
    pue: float


@dataclass(frozen=True)
class TaskResult:
    """What came of it. ``reading`` holds the fields of :class:`decai.energy.Reading`."""

    weights: list[int]
    w_after: str
    correct_before: int
    correct_after: int
    rows: int
    segments: int
    manifest_sha256: str
    reading: dict[str, Any]


def train(spec: TaskSpec, say: Callable[[str], None]) -> TaskResult:
    """Train, evaluate, meter and build the new bundle, in this process."""
    from decai.energy import Meter
    from decai.models import derive_bundle, load_bundle
    from decai.models.manifest import Footprint, Metrics, Parent, SetReference, Training
    from decai.proofs import field_bytes, weights_commitment
    from decai.training.sets import ChunkedSet
    from decai.training.trainer import STEPS_PER_SEGMENT

    base = load_bundle(Path(spec.base))
    with Meter(spec.region, pue=spec.pue) as meter:
        say("metering began")
        train_set = ChunkedSet.load(Path(spec.train_set))
        eval_set = ChunkedSet.load(Path(spec.eval_set))
        before = eval_set.evaluate(base.weights)
        head = base.weights
        for done, trained in enumerate(train_set.train(base.weights), start=1):
            head = trained
            say(f"segment {done} of {len(train_set.chunks)}")
        after = eval_set.evaluate(head)
        say(f"{before.total} of {before.rows} right before, {after.total} after")
    reading = meter.reading
    weights = [int(w) for w in head]
    bundle = derive_bundle(
        Path(spec.out),
        base,
        parent=Parent(version=spec.parent_version, cid=spec.parent_cid),
        weights=weights,
        training=Training(segments=len(train_set.chunks), steps=STEPS_PER_SEGMENT, rows=train_set.rows_per_chunk),
        training_set=SetReference(
            name=train_set.name,
            sha256=_sha(spec.train_set),
            rows=train_set.rows,
            cid=spec.train_set_cid,
        ),
        metrics=Metrics(
            correct=after.total, rows=after.rows, accuracy_ppm=after.accuracy_ppm,
            accuracy_before_ppm=before.accuracy_ppm,
        ),
        footprint=Footprint(
            energy_joules=max(1, round(reading.energy_joules)), co2e_mg=round(reading.co2e_mg),
            grade=reading.grade,
            source=f"codecarbon, process mode, CPU by {reading.method}; {reading.intensity.source},"
                   f" {reading.intensity.year}; PUE {reading.pue:g}",
            region=reading.intensity.region, hardware=reading.device,
        ),
    )  # fmt: skip
    return TaskResult(
        weights=weights,
        w_after=field_bytes(weights_commitment(weights)).hex(),
        correct_before=before.total,
        correct_after=after.total,
        rows=after.rows,
        segments=len(train_set.chunks),
        manifest_sha256=bundle.manifest_sha256,
        reading={**asdict(reading)},
    )


def _sha(folder: str) -> str:
    import hashlib

    return hashlib.sha256((Path(folder) / "set.json").read_bytes()).hexdigest()


def run_task(
    spec: TaskSpec,
    limits: Limits,
    work: Path,
    *,
    say: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TaskResult:
    """Train in a child process within limits.

    Parameters
    ----------
    spec : TaskSpec
    limits : Limits
    work : Path
        An existing folder for the specification and the result.
    say : callable
        Told each line of progress.
    cancelled : callable
        Asked between lines; True ends the child.

    Raises
    ------
    TrainingError
        The child failed, ran out of time or memory, or was cancelled.
    """
    import threading

    path = work / "task.json"
    path.write_text(json.dumps({"spec": asdict(spec), "limits": asdict(limits)}))
    env = {**os.environ, "OMP_NUM_THREADS": str(limits.cores), "OPENBLAS_NUM_THREADS": str(limits.cores)}
    child = subprocess.Popen(
        [sys.executable, "-m", "decai.training.task", str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True,
    )  # fmt: skip
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.seconds, end)
    timer.start()
    errors: list[str] = []
    assert child.stdout is not None and child.stderr is not None
    drain = threading.Thread(target=lambda: errors.extend(child.stderr or ()), daemon=True)
    drain.start()
    try:
        for line in child.stdout:
            say(line.strip())
            if cancelled():
                child.kill()
                raise TrainingError("The job was cancelled.", hint="It goes on when the worker is started again.")
        code = child.wait()
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
        drain.join(2)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
    if late.is_set() and code != 0:
        raise TrainingError(f"The job took more than {limits.seconds:g} s.", hint="Allow more with --max-seconds.")
    if code != 0:
        last = errors[-1].strip() if errors else f"exit code {code}"
        if "MemoryError" in last or code in (-9, -6, -11):
            raise TrainingError(f"The job needed more than {limits.memory_mb} MB.", hint="Allow more with --memory.")
        raise TrainingError(f"The training failed: {last}")
    return TaskResult(**json.loads((work / "result.json").read_text()))


def _confine(limits: Limits) -> None:
    if hasattr(os, "sched_setaffinity"):
        available = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, available[: limits.cores])
    try:
        import resource
    except ImportError:  # not on Windows: there only cores (by the libraries' settings) and time are limited
        return
    most = (limits.memory_mb + 1024) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _end_with_parent() -> None:
    """End when the parent's end of standard input closes, however it ended."""
    import threading

    def watch() -> None:
        sys.stdin.read()
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """The child's entry."""
    path = Path(sys.argv[1])
    given = json.loads(path.read_text())
    _end_with_parent()
    _confine(Limits(**given["limits"]))
    result = train(TaskSpec(**given["spec"]), lambda line: print(line, flush=True))
    draft = path.with_name("result.json.part")
    draft.write_text(json.dumps(asdict(result)))
    draft.replace(path.with_name("result.json"))


if __name__ == "__main__":
    main()
