"""The clients of crash_harness.py: they make and change jobs over a server that goes
away all the time."""

from __future__ import annotations

import collections
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import field_mask_pb2

import crash_history as history
from harness import (
    ME,
    PATIENCE,
    TERMINAL,
    Api,
    Server,
    dataset_pb2,
    error_info,
    error_of,
    evaluation_pb2,
    training_pb2,
)

Job = training_pb2.TrainingJob
STATE = Job.State.Name
# The server was away, or went while it answered: ask again.
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
KEPT = 25
ROWS = 800
EPOCHS = 60
NETWORKS = {"small": [784, 32, 10], "wide": [784, 96, 10]}
SPECS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.1},
    "batches": {"learning_rate": 0.3, "batch_size": 32, "threads": 2},
    "adam": {"learning_rate": 0.001, "batch_size": 16, "optimizer": {"adam": {}}, "dropout": 0.2},
    "numpy": {
        "learning_rate": 0.02, "rng": training_pb2.NUMPY, "precision": training_pb2.F64,
        "schedule": {"cosine": {}, "warmup_epochs": 2},
    },
    "kept": {"learning_rate": 0.1, "keep_checkpoints": -1},
}  # fmt: skip


class World:
    """The server, whoever restarts it, and what all clients know."""

    def __init__(self, folder: Path, slots: int) -> None:
        self.server = Server(folder / "data", "--slots", str(slots)).start()
        self.lock = threading.Lock()
        self.target = self.server.target
        self.stop = threading.Event()
        self.calm = threading.Event()  # nobody kills any more
        self.entries: list[history.Entry] = []
        self.jobs: dict[str, tuple[Any, ...]] = {}  # recipe by name
        self.counts: collections.Counter[str] = collections.Counter()

    def note(self, **entry: Any) -> None:
        with self.lock:
            self.entries.append(entry)
            if entry["what"] == "asked":
                self.counts[f"op {entry['op']}"] += 1

    def names(self) -> list[str]:
        with self.lock:
            return list(self.jobs)


class Client:
    """Calls that are repeated until the server answers."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.target, self.api = "", None

    def connected(self) -> Api:
        if self.api is None or self.target != self.world.target:
            if self.api is not None:
                self.api.close()
            self.target = self.world.target
            self.api = Api(self.target)
        return self.api

    def call(self, what: Callable[[Api], Any]) -> Any:
        """The answer, or the error that is the server's answer."""
        deadline = time.monotonic() + 120 * PATIENCE
        while True:
            try:
                return what(self.connected())
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                assert time.monotonic() < deadline, f"{self.name}: no answer: {error}"
                self.world.stop.wait(0.02)

    def mutate(self, op: str, name: str, what: Callable[[Api], Any], request_id: str = "") -> Any:
        """Like call, with an entry before and after; None where it was refused."""
        common = {"client": self.name, "op": op, "name": name, "request_id": request_id}
        self.world.note(what="sent", **common)
        try:
            answer = self.call(what)
        except grpc.RpcError as error:
            status = error_of(error)
            reason = error_info(status).reason
            self.world.note(what="refused", code=error.code().name, reason=reason, **common)
            return None
        self.world.note(what="asked", uid=getattr(answer, "uid", ""), **common)
        if isinstance(answer, Job):
            self.saw(answer)
        return answer

    def jobs(self) -> list[Job]:
        jobs: list[Job] = []
        token = ""
        while True:
            page = self.call(
                lambda api: api.training.ListTrainingJobs(
                    training_pb2.ListTrainingJobsRequest(
                        parent=ME, page_size=1000, page_token=token
                    )
                )
            )
            jobs += page.jobs
            token = page.next_page_token
            if not token:
                break
        for job in jobs:
            self.saw(job)
        return jobs

    def saw(self, job: Job) -> None:
        self.world.note(
            what="seen", client=self.name, name=job.name, uid=job.uid,
            epochs=job.epochs_completed, attempt=job.attempt, state=STATE(job.state),
        )  # fmt: skip


class Student(Client):
    """Does one thing after another, drawn from a generator of its own."""

    def __init__(self, world: World, number: int, seed: int) -> None:
        super().__init__(world, f"student{number}")
        self.random = random.Random(f"{seed}/{number}")
        self.made = 0

    def new_name(self, kind: str) -> tuple[str, str, str]:
        """Id, full name and request id of something new."""
        self.made += 1
        name = f"{self.name}-{self.made}"
        return name, f"users/local/{kind}/{name}", f"{self.name}-request-{self.made}"

    def request_id(self) -> str:
        self.made += 1
        return f"{self.name}-request-{self.made}"

    def one_of(self, names: list[str]) -> str:
        return self.random.choice(sorted(names))

    def run(self, upto: int) -> None:
        operations = {
            self.train: 8, self.pause: 3, self.resume: 4, self.cancel: 1, self.fork: 2,
            self.evaluate: 1, self.delete: 1, self.upload: 1, self.look: 3,
        }  # fmt: skip
        while not self.world.stop.is_set():
            running = sum(
                job.state not in TERMINAL and job.state != Job.PAUSED for job in self.jobs()
            )
            operation = self.random.choices(list(operations), list(operations.values()))[0]
            # Enough to kill, and no queue that takes minutes to drain.
            if operation in (self.train, self.fork) and running >= upto:
                operation = self.look
            operation()

    def train(self) -> None:
        job_id, name, request_id = self.new_name("jobs")
        network = self.random.choice(sorted(NETWORKS))
        way = self.random.choice(sorted(SPECS))
        seed = self.random.randrange(2)
        with self.world.lock:
            self.world.jobs[name] = ("train", network, way, seed)
        spec = training_pb2.TrainingJobSpec(
            network=f"{ME}/networks/{network}", dataset=f"{ME}/datasets/rows",
            epochs=EPOCHS, seed=seed, **SPECS[way],
        )  # fmt: skip
        request = training_pb2.CreateTrainingJobRequest(
            parent=ME, job_id=job_id, job=Job(spec=spec), request_id=request_id
        )
        for _ in range(self.random.choice([1, 1, 1, 2])):  # asked again, it is the same job
            self.mutate(
                "train", name, lambda api: api.training.CreateTrainingJob(request), request_id
            )

    def with_a_job(self, op: str, method: str, request_type: Any) -> None:
        names = self.world.names()
        if not names:
            return
        name, request_id = self.one_of(names), self.request_id()
        request = request_type(name=name, request_id=request_id)
        self.mutate(op, name, lambda api: getattr(api.training, method)(request), request_id)

    def pause(self) -> None:
        self.with_a_job("pause", "PauseTrainingJob", training_pb2.PauseTrainingJobRequest)

    def resume(self) -> None:
        paused = [job.name for job in self.jobs() if job.state == Job.PAUSED]
        if not paused:
            return
        name, request_id = self.one_of(paused), self.request_id()
        request = training_pb2.ResumeTrainingJobRequest(name=name, request_id=request_id)
        self.mutate(
            "resume", name, lambda api: api.training.ResumeTrainingJob(request), request_id
        )

    def cancel(self) -> None:
        self.with_a_job("cancel", "CancelTrainingJob", training_pb2.CancelTrainingJobRequest)

    def delete(self) -> None:
        ended = [job.name for job in self.jobs() if job.state in TERMINAL]
        if len(ended) < KEPT:  # whose results are compared at the end
            return
        name, request_id = self.one_of(ended), self.request_id()
        request = training_pb2.DeleteTrainingJobRequest(name=name, request_id=request_id)
        self.mutate(
            "delete", name, lambda api: api.training.DeleteTrainingJob(request), request_id
        )

    def fork(self) -> None:
        sources = [
            job
            for job in self.jobs()
            if job.checkpoint_epochs and self.world.jobs[job.name][0] == "train"
        ]
        if not sources:
            return
        source = self.random.choice(sorted(sources, key=lambda job: job.name))
        epoch = self.random.choice(list(source.checkpoint_epochs))
        rate = self.random.choice([None, 0.01])
        job_id, name, request_id = self.new_name("jobs")
        with self.world.lock:
            self.world.jobs[name] = ("fork", *self.world.jobs[source.name][1:], epoch, rate)
        spec = training_pb2.TrainingJobSpec(learning_rate=rate)
        request = training_pb2.ForkTrainingJobRequest(
            name=source.name, epoch=epoch, job_id=job_id, request_id=request_id, spec=spec,
            update_mask=field_mask_pb2.FieldMask(paths=["learning_rate"] if rate else []),
        )  # fmt: skip
        self.mutate("fork", name, lambda api: api.training.ForkTrainingJob(request), request_id)

    def evaluate(self) -> None:
        done = [job.name for job in self.jobs() if job.state == Job.SUCCEEDED]
        if not done:
            return
        name, request_id = self.one_of(done), self.request_id()
        request = evaluation_pb2.CreateEvaluationRequest(
            parent=name, request_id=request_id,
            evaluation=evaluation_pb2.Evaluation(dataset=f"{ME}/datasets/rows"),
        )  # fmt: skip
        self.mutate(
            "evaluate", name, lambda api: api.evaluations.CreateEvaluation(request), request_id
        )

    def upload(self) -> None:
        """In pieces, each from where the server says that it is."""
        dataset_id, name, request_id = self.new_name("datasets")
        rows = "\n".join(f"{row % 3},{row},{self.random.random():.6f}" for row in range(500))
        data = rows.encode()
        create = dataset_pb2.CreateDatasetRequest(
            parent=ME, dataset_id=dataset_id, request_id=request_id,
            dataset=dataset_pb2.Dataset(upload=dataset_pb2.UploadSource()),
        )  # fmt: skip
        made = self.mutate(
            "create", name, lambda api: api.datasets.CreateDataset(create), request_id
        )
        states = (dataset_pb2.Dataset.UPLOADING, dataset_pb2.Dataset.INGESTING)
        while made is not None and made.state in states:
            done = made.parts[0] if made.parts else dataset_pb2.UploadPart()
            if done.finished or made.state == dataset_pb2.Dataset.INGESTING:
                self.world.stop.wait(0.02)
            else:
                self.write_piece(name, data, done.committed_bytes)
            made = self.call(lambda api: api.get_dataset(name))
        if made is not None:
            self.world.note(
                what="ingested", client=self.name, name=name, rows=made.row_count,
                state=dataset_pb2.Dataset.State.Name(made.state),
            )  # fmt: skip

    def write_piece(self, name: str, data: bytes, offset: int) -> None:
        piece = data[offset : offset + 4000]
        last = offset + len(piece) == len(data)
        try:
            self.connected().write(name, dataset_pb2.UploadPart.DATA, piece, offset, finish=last)
        except grpc.RpcError as error:
            # How far it has come is asked next; without a server there is nothing to ask.
            if error.code() not in AGAIN | {grpc.StatusCode.OUT_OF_RANGE}:
                raise
            self.world.stop.wait(0.02)

    def look(self) -> None:
        self.jobs()
