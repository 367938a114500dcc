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


class ChannelNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        return scaled * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class GatedBlock(nn.Module):
    """A block of NAFNet."""

    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.conv1, self.conv3 = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(width, width, 1)
        self.conv2 = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.attention = nn.Conv2d(width, width, 1)
        self.conv4, self.conv5 = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(width, width, 1)
        self.beta, self.gamma = (nn.Parameter(torch.zeros(1, width, 1, 1)) for _ in range(2))

    def forward(self, x):
        a, b = self.conv2(self.conv1(self.norm1(x))).chunk(2, 1)
        h = a * b
        y = x + self.beta * self.conv3(h * self.attention(h.mean((2, 3), keepdim=True)))
        a, b = self.conv4(self.norm2(y)).chunk(2, 1)
        return y + self.gamma * self.conv5(a * b)


class NAFStack(nn.Module):
    """NAFNet with all its 36 blocks at one level: what the library calls nafnet without encoders and decoders."""

    def __init__(self, width=32, blocks=36):
        super().__init__()
        self.intro, self.ending = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 1, 3, padding=1)
        self.body = nn.Sequential(*(GatedBlock(width) for _ in range(blocks)))

    def forward(self, x):
        return x + self.ending(self.body(self.intro(x)))


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
    parser.add_argument("model", choices=["unet", "edsr", "naf"])
    parser.add_argument("mode", choices=["infer", "train"])
    parser.add_argument("batch", type=int)
    parser.add_argument("side", type=int)
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    net = {"unet": lambda: UNet(options.base), "edsr": EDSR, "naf": NAFStack}[options.model]()
    net = net.to(memory_format=torch.channels_last).train(options.mode == "train")
    x = torch.rand(options.batch, 1, options.side, options.side).contiguous(memory_format=torch.channels_last)
    side = options.side * (1 if options.model == "naf" else 4)
    target = torch.rand(options.batch, 1, side, side)
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
