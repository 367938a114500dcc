"""The same work in PyTorch, for the ratios of `make bench`. Reads the name of a piece of work from standard input, runs it
once and prints seconds and the peak resident memory in bytes. One process for each piece of work, so that memory is its own.

Uses public interfaces only. Layout channels-last; `--threads` sets the threads, `--bf16` automatic mixed precision.
"""
import argparse
import contextlib
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def block(inputs, outputs):
    layers = []
    for a, b in ((inputs, outputs), (outputs, outputs)):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """The network that the library calls depth-upres-unet."""

    def __init__(self, base=32):
        super().__init__()
        widths = [base << level for level in range(5)]
        self.down = nn.ModuleList(block(1 if i == 0 else widths[i - 1], widths[i]) for i in range(5))
        self.up = nn.ModuleList(nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in range(4))
        self.fuse = nn.ModuleList(block(2 * widths[i], widths[i]) for i in range(4))
        self.head = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        base = F.interpolate(x, scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
        skips, h = [], base
        for level in range(4):
            h = self.down[level](h)
            skips.append(h)
            h = F.max_pool2d(h, 2)
        h = self.down[4](h)
        for level in (3, 2, 1, 0):
            h = self.fuse[level](torch.cat([self.up[level](h), skips[level]], 1))
        return (base + 0.5 * torch.tanh(self.head(h))).clamp(0, 1)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + 0.1 * self.second(F.relu(self.first(x), inplace=True))


class EDSR(nn.Module):
    """The network that the library calls edsr-light."""

    def __init__(self, width=64, blocks=16):
        super().__init__()
        self.head = nn.Conv2d(1, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1))
        self.up = nn.Sequential(
            nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2),
            nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2))
        self.tail = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        base = F.interpolate(x, scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
        h = self.head(x)
        return (base + 0.5 * self.tail(self.up(h + self.body(h)))).clamp(0, 1)


def depth_loss(p, t, m):
    def mean(difference, weight):
        return (difference.abs() * weight).sum() / weight.sum().clamp(min=1e-6)

    def across(a):
        return a[..., 1:] - a[..., :-1]

    def along(a):
        return a[..., 1:, :] - a[..., :-1, :]

    return mean(p - t, m) + 0.5 * (
        mean(across(p) - across(t), m[..., 1:] * m[..., :-1])
        + mean(along(p) - along(t), m[..., 1:, :] * m[..., :-1, :]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=["unet", "edsr"])
    parser.add_argument("mode", choices=["infer", "train"])
    parser.add_argument("batch", type=int)
    parser.add_argument("side", type=int)
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    net = UNet(options.base) if options.model == "unet" else EDSR()
    net = net.to(memory_format=torch.channels_last).train(options.mode == "train")
    x = torch.rand(options.batch, 1, options.side, options.side).contiguous(memory_format=torch.channels_last)
    target = torch.rand(options.batch, 1, 4 * options.side, 4 * options.side)
    mask = torch.ones_like(target)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4, weight_decay=1e-4)
    precision = (lambda: torch.autocast("cpu", torch.bfloat16)) if options.bf16 else contextlib.nullcontext

    def step():
        if options.mode == "infer":
            with torch.inference_mode(), precision():
                return net(x)
        optimiser.zero_grad(set_to_none=True)
        with precision():
            y = net(x)
        depth_loss(y.float(), target, mask).backward()
        optimiser.step()

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


main()
