"""Trains a CycleGAN in PyTorch on request; `benchmarks/step.py` times it.

It runs in its own process, so that it may use another interpreter. It reads requests,
one JSON object a line, and answers each with one:

- `{"calibrate": n}`: checks each setting and times it over n steps, chooses the
  fastest, starts again with it, and writes the initial weights to FOLDER. Its answer
  includes the losses of a step from these weights, trained with SGD, the number of
  that step and the learning rate;
- `{"steps": n}`: trains n steps with Adam; their seconds.

FOLDER contains `arrays.npz`, with `a` and `b` of shape `(steps, batch, height, width,
channels)`. The step has the order of the authors' PyTorch code: six calls of the
generators, their update while the discriminators are frozen, then the update of each
discriminator on images from a pool.
"""

import argparse
import itertools
import json
import pathlib
import random
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

POOL_SIZE = 50
CYCLE_WEIGHT = 10.0
IDENTITY_WEIGHT = 5.0
CALIBRATIONS = 3
# Settings, and kerasgan, are compared by their losses of this step, trained with SGD.
# An error in the update of any network shows after the first step. Adam is not used,
# because it divides a gradient by its size: rounding errors in gradients near zero
# become updates as large as any other.
CHECKED = 5
SGD_RATE = 5e-5
SETTINGS = {
    f"{layout}, {adam} Adam": {"memory_format": memory_format, "fused": fused}
    for layout, memory_format in (
        ("channels first", torch.contiguous_format),
        ("channels last", torch.channels_last),
    )
    for adam, fused in (("default", None), ("fused", True))
}


class ResidualBlock(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(maps, maps, 3),
            nn.InstanceNorm2d(maps),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(maps, maps, 3),
            nn.InstanceNorm2d(maps),
        )

    def forward(self, maps):
        return maps + self.inner(maps)


def generator(channels, width, blocks):
    def then_normalized(layer):
        return [layer, nn.InstanceNorm2d(layer.out_channels), nn.ReLU(inplace=True)]

    layers = [nn.ReflectionPad2d(3), *then_normalized(nn.Conv2d(channels, width, 7))]
    for maps in (width, 2 * width):
        layers += then_normalized(nn.Conv2d(maps, 2 * maps, 3, 2, 1))
    layers += [ResidualBlock(4 * width) for _ in range(blocks)]
    for maps in (4 * width, 2 * width):
        layers += then_normalized(nn.ConvTranspose2d(maps, maps // 2, 3, 2, 1, 1))
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
    return nn.Sequential(*layers)


def discriminator(channels, width):
    layers = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for maps, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [
            nn.Conv2d(maps, 2 * maps, 4, stride, 1),
            nn.InstanceNorm2d(2 * maps),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def initialize(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        nn.init.zeros_(module.bias)


class Pool:
    """Replaces half of the generated images by images of earlier steps."""

    def __init__(self, size):
        self.size = size
        self.images = []
        self.random = random.Random(0)

    def __call__(self, images):
        shown = []
        for image in images.split(1):
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif self.random.random() < 0.5:
                place = self.random.randrange(self.size)
                self.images[place], image = image.clone(), self.images[place]
            shown.append(image)
        return torch.cat(shown)


class Training:
    """The networks, optimizers and pools, and the training step.

    Args:
        a: Images of domain a, of shape `(steps, batch, height, width, channels)`.
        b: Images of domain b.
        width: Number of channels of the first convolution of each network.
        blocks: Number of residual blocks of the generators.
        memory_format: Memory format of the images and the weights.
        fused: As in `torch.optim.Adam`.
        compiled: Whether the networks are compiled by `torch.compile`.
        sgd: Whether to train with SGD instead of Adam.
    """

    def __init__(
        self, a, b, width, blocks, memory_format, fused, compiled=False, sgd=False
    ):
        self.batches = [
            [
                torch.from_numpy(batch)
                .permute(0, 3, 1, 2)
                .contiguous(memory_format=memory_format)
                for batch in pair
            ]
            for pair in zip(a, b, strict=True)
        ]
        channels = a.shape[-1]
        torch.manual_seed(0)
        self.networks = {
            "generator_ab": generator(channels, width, blocks),
            "generator_ba": generator(channels, width, blocks),
            "discriminator_a": discriminator(channels, width),
            "discriminator_b": discriminator(channels, width),
        }
        for network in self.networks.values():
            network.apply(initialize).to(memory_format=memory_format)
        self.calls = [
            torch.compile(network) if compiled else network
            for network in self.networks.values()
        ]
        players = list(self.networks.values())
        self.g_optimizer, self.d_optimizer = (
            torch.optim.SGD(weights, lr=SGD_RATE)
            if sgd
            else torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999), fused=fused)
            for weights in (
                [*first.parameters(), *second.parameters()]
                for first, second in (players[:2], players[2:])
            )
        )
        self.pools = Pool(POOL_SIZE), Pool(POOL_SIZE)

    def step(self, a, b):
        """Trains one step on a batch of each domain, and returns its losses."""
        g_ab, g_ba, d_a, d_b = self.calls
        fake_b = g_ab(a)
        back_a = g_ba(fake_b)
        fake_a = g_ba(b)
        back_b = g_ab(fake_a)
        same_b = g_ab(b)
        same_a = g_ba(a)

        for network in (d_a, d_b):
            network.requires_grad_(False)
        self.g_optimizer.zero_grad(set_to_none=True)
        adversarial = squared_error(d_b, fake_b, 1.0) + squared_error(d_a, fake_a, 1.0)
        cycle = l1_loss(back_a, a) + l1_loss(back_b, b)
        identity = l1_loss(same_b, b) + l1_loss(same_a, a)
        g_loss = adversarial + CYCLE_WEIGHT * cycle + IDENTITY_WEIGHT * identity
        g_loss.backward()
        self.g_optimizer.step()

        for network in (d_a, d_b):
            network.requires_grad_(True)
        self.d_optimizer.zero_grad(set_to_none=True)
        d_losses = []
        for network, real, fake, pool in (
            (d_a, a, fake_a, self.pools[0]),
            (d_b, b, fake_b, self.pools[1]),
        ):
            shown = pool(fake.detach())
            d_loss = 0.5 * (
                squared_error(network, real, 1.0) + squared_error(network, shown, 0.0)
            )
            d_loss.backward()
            d_losses.append(d_loss.detach())
        self.d_optimizer.step()
        return {
            "g_loss": g_loss.detach(),
            "cycle_loss": cycle.detach() / 2.0,
            "identity_loss": identity.detach() / 2.0,
            "d_loss_a": d_losses[0],
            "d_loss_b": d_losses[1],
        }

    def run(self, steps):
        """Trains several steps; returns their seconds and the losses of the last."""
        start = time.perf_counter()
        for a, b in itertools.islice(itertools.cycle(self.batches), steps):
            losses = self.step(a, b)
        losses = {name: float(loss) for name, loss in losses.items()}
        return {"seconds": time.perf_counter() - start, "losses": losses}

    def save(self, folder):
        for name, network in self.networks.items():
            weights = {k: v.numpy() for k, v in network.state_dict().items()}
            np.savez(folder / f"{name}.npz", **weights)


def squared_error(discriminator, images, label):
    """Returns the mean squared error of a discriminator's scores."""
    scores = discriminator(images)
    return mse_loss(scores, torch.full_like(scores, label))


def calibrate(make, steps):
    """Times each setting, run in turn, and checks that all compute the same.

    At batch 1, PyTorch 2.13 computes wrong gradients for an instance normalization
    before a convolution in the channels-last format, so settings whose losses differ
    from those of the first one are not used. Compiling takes a minute or more, so it
    is tried with the fastest setting only.

    Returns:
        The settings, the median seconds and the losses of those that can be used, and
        a dict of notes on those that cannot.
    """
    settings, notes = dict(SETTINGS), {}
    seconds, losses = time_settings(make, settings, steps)
    expected = next(iter(losses.values()))

    def drop_wrong(losses):
        for name, values in losses.items():
            if any(abs(values[k] - v) > 1e-3 * max(1, v) for k, v in expected.items()):
                notes[name] = f"not used, because its losses of step {CHECKED} differ"
                del seconds[name]

    drop_wrong(losses)
    fastest = min(seconds, key=seconds.get)
    name = f"{fastest}, compiled"
    settings[name] = {**settings[fastest], "compiled": True}
    pair = {setting: settings[setting] for setting in (fastest, name)}
    try:
        more, more_losses = time_settings(make, pair, steps)
    # Without a C++ compiler, or on an unsupported platform, it raises various errors.
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        notes[name] = f"does not work here ({type(error).__name__}: {lines[0]})"
    else:
        seconds.update(more)
        losses.update(more_losses)
        drop_wrong(more_losses)
    return settings, seconds, losses, notes


def time_settings(make, settings, steps):
    """Returns the median seconds, and the losses of the checked step, by setting."""
    losses = {
        name: make(**options, sgd=True).run(CHECKED)["losses"]
        for name, options in settings.items()
    }
    trainings = {name: make(**options) for name, options in settings.items()}
    for training in trainings.values():
        training.run(1)
    seconds = {name: [] for name in trainings}
    for _ in range(CALIBRATIONS):
        for name, training in trainings.items():
            seconds[name].append(training.run(steps)["seconds"])
    return {k: statistics.median(v) for k, v in seconds.items()}, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--blocks", type=int, required=True)
    options = parser.parse_args()
    images = np.load(options.folder / "arrays.npz")
    a, b = images["a"], images["b"]

    def make(**setting):
        return Training(a, b, options.width, options.blocks, **setting)

    for line in sys.stdin:
        request = json.loads(line)
        if "calibrate" in request:
            settings, seconds, losses, notes = calibrate(make, request["calibrate"])
            setting = min(seconds, key=seconds.get)
            training = make(**settings[setting])
            training.save(options.folder)
            answer = {
                "version": torch.__version__,
                "threads": torch.get_num_threads(),
                "setting": setting,
                "seconds": seconds,
                "losses": losses[setting],
                "step": CHECKED,
                "rate": SGD_RATE,
                "notes": notes,
            }
        else:
            answer = {"seconds": training.run(request["steps"])["seconds"]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
