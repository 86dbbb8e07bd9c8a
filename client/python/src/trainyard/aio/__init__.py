"""The same client for asyncio: what asks the server is awaited, and streams are iterated
with async for. Events, histories, predictions and errors are those of trainyard."""

from trainyard.aio.client import Client
from trainyard.aio.job import Job
from trainyard.aio.resources import Dataset, Evaluation, Network

__all__ = ["Client", "Dataset", "Evaluation", "Job", "Network"]
