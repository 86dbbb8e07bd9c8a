"""Train, watch and evaluate feed-forward networks on a Trainyard server.

    from trainyard import Client
    client = Client()
    job = client.train([784, 500, 200, 10], "digits", epochs=5, learning_rate=0.3).wait()
    print(job.evaluate("digits-test"))

Rows are counted from 0, epochs and sequences of events from 1. Costs are sums over the
rows of a dataset, times are seconds, and accuracies are shares from 0 to 1. Wherever a
dataset, network or job is named, its id stands for the caller's own.

trainyard.aio has the same client for asyncio, and trainyard.v1 the messages and stubs.
"""

from trainyard.client import Client
from trainyard.dataset import Dataset, HiddenPolicy
from trainyard.errors import *  # noqa: F403
from trainyard.errors import __all__ as _errors
from trainyard.evaluation import Evaluation
from trainyard.events import *  # noqa: F403
from trainyard.events import __all__ as _events
from trainyard.history import History
from trainyard.job import Job, Verification
from trainyard.joining import join
from trainyard.network import Network
from trainyard.options import TrainingOptions
from trainyard.prediction import Predictions
from trainyard.user import Queue, QueueEntry, Quota, Usage, User
from trainyard.weights import read_safetensors

__all__ = [
    "Client",
    "Dataset",
    "Evaluation",
    "HiddenPolicy",
    "History",
    "Job",
    "Network",
    "Predictions",
    "Queue",
    "QueueEntry",
    "Quota",
    "TrainingOptions",
    "Usage",
    "User",
    "Verification",
    "join",
    "read_safetensors",
    *_errors,
    *_events,
]
