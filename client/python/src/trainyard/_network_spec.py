"""A network's spec from the command line's words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Optional, Union

import numpy as np

from trainyard._words import ACTIVATIONS, LOSSES, choose
from trainyard.v1 import network_pb2


def make_network_spec(
    layers: Sequence[int],
    activation: Union[str, Sequence[str], None] = None,
    loss: str = "tse",
    init: str = "uniform:-0.5:0.5",
    bias: bool = True,
    seed: int = 0,
    weights: Optional[Mapping[str, np.ndarray]] = None,
) -> network_pb2.NetworkSpec:
    """Raises ValueError for fewer than two layers or a word that is none."""
    units = [int(count) for count in layers]
    if len(units) < 2:
        raise ValueError(
            "layers needs the inputs and at least one layer, as in [784, 500, 200, 10]"
        )
    spec = network_pb2.NetworkSpec(input_count=units[0], seed=seed)
    for count, word in zip(units[1:], _activations(activation, len(units) - 1)):
        spec.layers.add(units=count, activation=word)
    spec.loss = choose("loss", loss, LOSSES)
    if not bias:
        spec.bias = False
    if weights is not None:
        spec.initializer.weights.CopyFrom(_given_weights(weights, len(units) - 1))
    else:
        spec.initializer.CopyFrom(_initializer(init))
    return spec


def derived_id(spec: network_pb2.NetworkSpec) -> str:
    """An id that says the layers, and differs for every other spec."""
    units = "-".join(str(count) for count in (spec.input_count, *(x.units for x in spec.layers)))
    digest = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()
    return f"net-{units[:45].rstrip('-')}-{digest[:8]}"


def _activations(activation: Union[str, Sequence[str], None], count: int) -> list[int]:
    """One for each layer; 0 is the server's choice."""
    if activation is None:
        return [0] * count
    if isinstance(activation, str):
        word = choose("activation", activation, ACTIVATIONS)
        # One for all hidden layers; the output's goes with the loss.
        return [word] * (count - 1) + [0] if count > 1 else [word]
    if len(activation) != count:
        raise ValueError(
            f"activation has {len(activation)} entries for {count} layers after the input; "
            "give one for each, or one word for all hidden layers"
        )
    return [choose("activation", word, ACTIVATIONS) for word in activation]


def _initializer(text: str) -> network_pb2.Initializer:
    initializer = network_pb2.Initializer()
    kind, *bounds = text.split(":")
    if kind == "uniform" and len(bounds) == 2:
        initializer.uniform.low, initializer.uniform.high = map(float, bounds)
    elif text in ("xavier", "he", "zeros"):
        getattr(initializer, text).SetInParent()
    else:
        raise ValueError(f"init={text!r} is not uniform:LOW:HIGH, xavier, he or zeros")
    return initializer


def _given_weights(weights: Mapping[str, np.ndarray], count: int) -> network_pb2.WeightsInitializer:
    """W1, b1, W2, b2, ...; biases may be absent from all layers."""
    message = network_pb2.WeightsInitializer()
    for number in range(1, count + 1):
        if f"W{number}" not in weights:
            raise ValueError(f"weights has no W{number}; it has {', '.join(weights)}")
        layer = message.layers.add()
        layer.weights.extend(np.asarray(weights[f"W{number}"], dtype=float).ravel())
        if f"b{number}" in weights:
            layer.biases.extend(np.asarray(weights[f"b{number}"], dtype=float).ravel())
    return message
