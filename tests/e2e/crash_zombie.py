"""A client of crash_harness.py that says to be a worker."""

from __future__ import annotations

import random

import grpc

from crash_clients import Client, Job, World
from harness import PATIENCE, training_pb2
from trainyard.worker.v1 import worker_pb2, worker_pb2_grpc

# A worker speaks for them.
MOVING = {Job.RUNNING, Job.PAUSING, Job.CANCELLING}


class Zombie(Client):
    """Says to be a worker of an attempt that is over, as one that was cut off and comes
    back, or that runs on another machine; and reports an epoch that never was. Nothing
    holds it back: it looks for no lock, and is quicker than a worker that attaches again."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, "zombie")
        self.random = random.Random(f"{seed}/zombie")
        self.socket = f"unix:{world.server.data_dir.resolve()}/run/worker.sock"

    def run(self) -> None:
        while not self.world.stop.is_set():
            moving = [job for job in self.jobs() if job.state in MOVING and job.attempt > 1]
            for job in self.random.sample(moving, len(moving)):
                self.haunt(job)
            self.world.stop.wait(0.01)

    def haunt(self, job: Job) -> None:
        attempt = self.random.randrange(1, job.attempt)
        epoch = training_pb2.EpochCompleted(epoch=job.epochs_completed + 1, cost=-1)
        report = worker_pb2.TrainingReport(
            number=1_000_000, facts=[worker_pb2.TrainingFact(epoch=epoch)]
        )
        messages = [
            worker_pb2.WorkerMessage(
                hello=worker_pb2.Hello(name=job.name, attempt=attempt, again=True)
            ),
            worker_pb2.WorkerMessage(report=report),
        ]
        with grpc.insecure_channel(self.socket) as channel:
            stub = worker_pb2_grpc.WorkerServiceStub(channel)
            try:
                for answer in stub.Attach(iter(messages), timeout=5 * PATIENCE):
                    self.world.note(
                        what="intruded", client=self.name, name=job.name, attempt=attempt,
                        answer=answer.WhichOneof("kind"),
                    )  # fmt: skip
            except grpc.RpcError as error:
                refused = error.code() == grpc.StatusCode.FAILED_PRECONDITION
                with self.world.lock:
                    self.world.counts["zombie refused"] += refused
