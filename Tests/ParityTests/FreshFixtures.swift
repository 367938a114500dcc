import Basics
import Foundation
import NN

/// Cases of the shared fixtures' kinds with other shapes, widths, options and schedules, from the definitions alone.
enum FreshFixtures {
  /// - Parameter seed: decides values and sizes.
  static func make(seed: UInt64) -> [Fixture] {
    var random = SeededRandom(seed: seed, stream: "parity fixtures")
    return elementwise(&random) + convolutions(&random) + rearrangements(&random) + pooling(&random)
      + blocks(&random) + losses(&random) + optimisers(&random) + schedules() + images(&random)
  }

  private static func size(_ random: inout SeededRandom, _ range: ClosedRange<Int> = 3...9) -> Int {
    range.lowerBound + Int(random.uniform(0, Double(range.count)).rounded(.down))
  }

  private static func shape(_ random: inout SeededRandom) -> [Int] {
    [size(&random, 1...3), size(&random, 1...5), size(&random), size(&random)]
  }

  private static func layer(
    _ operation: String, _ attributes: JSON = [:], _ tensors: [String: Grid], name: String? = nil
  ) -> Fixture {
    Fixture(
      name: name ?? operation, group: "layers", operation: operation, attributes: attributes,
      tensors: tensors.mapValues(\.stored))
  }

  // MARK: - Layers

  /// Functions of single elements with their derivatives.
  private static func elementwise(_ random: inout SeededRandom) -> [Fixture] {
    let factor = (random.uniform(1, 5) * 8).rounded() / 8
    let (low, high, slope) = (-0.25, 0.5, 0.375)
    func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let functions: [(String, JSON, (Double) -> Double, (Double) -> Double)] = [
      ("relu", [:], { max(0, $0) }, { $0 > 0 ? 1 : 0 }), ("tanh", [:], { tanh($0) }, { 1 - tanh($0) * tanh($0) }),
      (
        "sigmoid", ["formula": .string("sigmoid(\(factor)*x)")], { logistic(factor * $0) },
        { factor * logistic(factor * $0) * (1 - logistic(factor * $0)) }
      ),
      (
        "softplus", ["beta": 1, "threshold": 20, "formula": .string("softplus(\(factor)*x): linear above 20")],
        { log1p(exp(factor * $0)) }, { factor * logistic(factor * $0) }
      ),
      ("leaky_relu", ["negative_slope": .double(slope)], { $0 > 0 ? $0 : slope * $0 }, { $0 > 0 ? 1 : slope }),
      (
        "clamp_\(low)_\(high)", [:], { min(max($0, low), high) }, { $0 > low && $0 < high ? 1 : 0 }
      ),
      (
        "clamp_of_attributes", ["min": .double(low), "max": .double(high)], { min(max($0, low), high) },
        {
          $0 > low && $0 < high ? 1 : 0
        }
      ),
      ("abs", [:], { abs($0) }, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
    ]
    return functions.map { name, attributes, function, derivative in
      let x = Grid(random: shape(&random), &random)
      let upstream = Grid(random: x.shape, &random)
      return layer(
        name, attributes,
        [
          "in.x": x, "gout.y": upstream, "out.y": x.map(function),
          "gin.x": Grid(x.shape, zip(x.values, upstream.values).map { derivative($0) * $1 }),
        ])
    }
  }

  /// y[n][k] = bias[k] + sum of x times weight, and its adjoints.
  private static func convolutions(_ random: inout SeededRandom) -> [Fixture] {
    (0..<3).map { index in
      let groups = index == 2 ? 2 : 1
      let (kh, kw) = (size(&random, 1...4), size(&random, 1...4))
      let (stride, padding, dilation) = (size(&random, 1...3), size(&random, 0...2), size(&random, 1...2))
      let x = Grid(random: [2, groups * size(&random, 1...3), size(&random, 8...13), size(&random, 8...13)], &random)
      let weight = Grid(random: [groups * size(&random, 1...3), x.shape[1] / groups, kh, kw], &random)
      let bias = Grid(random: [weight.shape[0]], &random)
      let oh = (x.shape[2] + 2 * padding - dilation * (kh - 1) - 1) / stride + 1
      let ow = (x.shape[3] + 2 * padding - dilation * (kw - 1) - 1) / stride + 1
      var y = Grid(zeros: [2, weight.shape[0], oh, ow])
      let upstream = Grid(random: y.shape, &random)
      var (dx, dw, db) = (Grid(zeros: x.shape), Grid(zeros: weight.shape), Grid(zeros: bias.shape))
      let (inside, outside) = (weight.shape[1], weight.shape[0] / groups)
      for n in 0..<2 {
        for k in 0..<weight.shape[0] {
          for i in 0..<oh {
            for j in 0..<ow {
              let gradient = upstream[n, k, i, j]
              y[n, k, i, j] += bias[k]
              db[k] += gradient
              for c in 0..<inside {
                for p in 0..<kh {
                  for q in 0..<kw {
                    let (row, column) = (i * stride - padding + p * dilation, j * stride - padding + q * dilation)
                    guard (0..<x.shape[2]).contains(row), (0..<x.shape[3]).contains(column) else { continue }
                    let channel = k / outside * inside + c
                    y[n, k, i, j] += x[n, channel, row, column] * weight[k, c, p, q]
                    dx[n, channel, row, column] += gradient * weight[k, c, p, q]
                    dw[k, c, p, q] += gradient * x[n, channel, row, column]
                  }
                }
              }
            }
          }
        }
      }
      return layer(
        "conv2d",
        [
          "stride": .int(stride), "padding": .int(padding), "dilation": .int(dilation), "groups": .int(groups),
        ],
        [
          "in.x": x, "param.weight": weight, "param.bias": bias, "gout.y": upstream, "out.y": y, "gin.x": dx,
          "gparam.weight": dw, "gparam.bias": db,
        ], name: "conv2d_\(index)")
    }
  }

  private static func rearrangements(_ random: inout SeededRandom) -> [Fixture] {
    var fixtures: [Fixture] = []
    for factor in [2, 3] {
      let (h, w) = (size(&random, 2...4), size(&random, 2...4))
      let x = Grid(random: [2, 2 * factor * factor, h, w], &random)
      var y = Grid(zeros: [2, 2, h * factor, w * factor])
      for n in 0..<2 {
        for c in 0..<2 {
          for i in 0..<h * factor {
            for j in 0..<w * factor {
              y[n, c, i, j] = x[n, (c * factor + i % factor) * factor + j % factor, i / factor, j / factor]
            }
          }
        }
      }
      fixtures.append(layer("pixel_shuffle_\(factor)", ["factor": .int(factor)], ["in.x": x, "out.y": y]))
      fixtures.append(layer("pixel_unshuffle_\(factor)", ["factor": .int(factor)], ["in.x": y, "out.y": x]))
    }
    // Three parts instead of two.
    let parts = (0..<3).map { Grid(random: [1, $0 + 1, 3, 5], &random) }
    fixtures.append(
      layer(
        "concat_channels", ["dim": 1],
        [
          "in.a": parts[0], "in.b": parts[1], "in.c": parts[2],
          "out.y": Grid([1, 6, 3, 5], parts.flatMap(\.values)),
        ]))
    let image = Grid(random: shape(&random), &random)
    let (right, bottom) = (min(2, image.shape[3] - 1), 1)
    var padded = Grid(zeros: [image.shape[0], image.shape[1], image.shape[2] + bottom, image.shape[3] + right])
    var rolled = Grid(zeros: image.shape)
    var nearest = Grid(zeros: [image.shape[0], image.shape[1], image.shape[2] * 4, image.shape[3] * 4])
    for n in 0..<image.shape[0] {
      for c in 0..<image.shape[1] {
        for i in 0..<padded.shape[2] {
          for j in 0..<padded.shape[3] {
            let row = i < image.shape[2] ? i : 2 * image.shape[2] - 2 - i
            let column = j < image.shape[3] ? j : 2 * image.shape[3] - 2 - j
            padded[n, c, i, j] = image[n, c, row, column]
          }
        }
        // Rolling takes [n, h, w, c]: the axes called c and h here.
        for i in 0..<image.shape[2] {
          for j in 0..<image.shape[3] {
            rolled[n, (c + 1) % image.shape[1], (i + 2) % image.shape[2], j] = image[n, c, i, j]
          }
        }
        for i in 0..<nearest.shape[2] {
          for j in 0..<nearest.shape[3] { nearest[n, c, i, j] = image[n, c, i / 4, j / 4] }
        }
      }
    }
    fixtures.append(
      layer(
        "pad_reflect_right_bottom", ["pad_left_right_top_bottom": .array([0, .int(right), 0, .int(bottom)])],
        ["in.x": image, "out.y": padded]))
    fixtures.append(layer("roll_2d", ["shifts": [1, 2], "dims": [1, 2]], ["in.x": image, "out.y": rolled]))
    fixtures.append(layer("nearest", ["scale_factor": 4], ["in.x": image, "out.y": nearest], name: "nearest_x4"))
    fixtures.append(
      layer(
        "nearest", ["size": .array([.int(nearest.shape[2]), .int(nearest.shape[3])])],
        ["in.x": image, "out.y": nearest], name: "nearest_size"))
    let x = Grid(random: [2, 3, 2, 4], &random)
    let weight = Grid(random: [5, 4], &random)
    var product = Grid(zeros: [2, 3, 2, 5])
    for row in 0..<12 {
      for k in 0..<5 { for c in 0..<4 { product.values[row * 5 + k] += x.values[row * 4 + c] * weight[k, c] } }
    }
    fixtures.append(layer("linear", [:], ["in.x": x, "param.weight": weight, "out.y": product]))
    return fixtures
  }

  private static func pooling(_ random: inout SeededRandom) -> [Fixture] {
    let (rows, columns) = (size(&random, 1...3), size(&random, 2...4))
    let x = Grid(random: [2, 2, size(&random, 5...9), size(&random, 5...9)], &random)
    let (h, w) = (x.shape[2], x.shape[3])
    var average = Grid(zeros: [2, 2, rows, columns])
    var (largest, mean) = (Grid(zeros: [2, 2, 1, 1]), Grid(zeros: [2, 2, 1, 1]))
    var blocks = Grid(zeros: [2, 2, h / 2, w / 2])
    for n in 0..<2 {
      for c in 0..<2 {
        for i in 0..<rows {
          for j in 0..<columns {
            let bins = (
              i * h / rows..<((i + 1) * h + rows - 1) / rows, j * w / columns..<((j + 1) * w + columns - 1) / columns
            )
            let sum = bins.0.reduce(0.0) { total, y in total + bins.1.reduce(0.0) { $0 + x[n, c, y, $1] } }
            average[n, c, i, j] = sum / Double(bins.0.count * bins.1.count)
          }
        }
        let plane = x.values[(n * 2 + c) * h * w..<(n * 2 + c + 1) * h * w]
        largest[n, c, 0, 0] = plane.max() ?? 0
        mean[n, c, 0, 0] = plane.reduce(0, +) / Double(h * w)
        for i in 0..<h / 2 {
          for j in 0..<w / 2 {
            blocks[n, c, i, j] =
              [(0, 0), (0, 1), (1, 0), (1, 1)].map { x[n, c, 2 * i + $0.0, 2 * j + $0.1] }.max() ?? 0
          }
        }
      }
    }
    return [
      layer(
        "adaptive_avg_pool_\(rows)x\(columns)", ["output": .array([.int(rows), .int(columns)])],
        ["in.x": x, "out.y": average]),
      layer("adaptive_avg_pool_1", ["output": 1], ["in.x": x, "out.y": mean]),
      layer("adaptive_max_pool_1", ["output": 1], ["in.x": x, "out.y": largest]),
      layer("maxpool2x2", ["kernel": 2, "stride": 2, "ceil_mode": false], ["in.x": x, "out.y": blocks]),
    ]
  }

  /// Channel attention of a width that no shared fixture has.
  private static func blocks(_ random: inout SeededRandom) -> [Fixture] {
    let (reduction, channels) = (2, 2 * size(&random, 2...5))
    let x = Grid(random: [2, channels, 3, 4], &random)
    let hidden = channels / reduction
    let squeeze = Grid(random: [hidden, channels, 1, 1], &random)
    let expand = Grid(random: [channels, hidden, 1, 1], &random)
    let (first, second) = (Grid(random: [hidden], &random), Grid(random: [channels], &random))
    var y = x
    for n in 0..<2 {
      let means = (0..<channels).map { c in (0..<12).reduce(0.0) { $0 + x.values[(n * channels + c) * 12 + $1] } / 12 }
      let middle = (0..<hidden).map { k in
        max(0, (0..<channels).reduce(first[k]) { $0 + squeeze[k, $1, 0, 0] * means[$1] })
      }
      for c in 0..<channels {
        let factor = 1 / (1 + exp(-(0..<hidden).reduce(second[c]) { $0 + expand[c, $1, 0, 0] * middle[$1] }))
        for i in 0..<12 { y.values[(n * channels + c) * 12 + i] *= factor }
      }
    }
    return [
      layer(
        "sgnet_calayer", ["reduction": .int(reduction)],
        [
          "in.x": x, "out.y": y, "param.conv_du.0.weight": squeeze, "param.conv_du.0.bias": first,
          "param.conv_du.2.weight": expand, "param.conv_du.2.bias": second,
        ])
    ]
  }

  // MARK: - Losses

  private static func losses(_ random: inout SeededRandom) -> [Fixture] {
    let shape = [size(&random, 1...3), 1, size(&random), size(&random)]
    let (prediction, target) = (Grid(random: shape, &random, 0..<1), Grid(random: shape, &random, 0..<1))
    let mask = Grid(random: shape, &random).map { $0 > 0 ? 1 : 0 }
    let differences = zip(prediction.values, target.values).map { $0 - $1 }
    let count = Double(differences.count)
    let epsilon = 1e-4
    func loss(_ operation: String, _ attributes: JSON, _ value: Double, _ gradient: [Double], masked: Bool = false)
      -> Fixture
    {
      var tensors = [
        "in.pred": prediction.stored, "in.target": target.stored, "out.loss": StoredTensor([Float(value)], shape: [1]),
        "gin.pred": Grid(shape, gradient).stored,
      ]
      if masked { tensors["in.mask"] = mask.stored }
      return Fixture(name: operation, group: "losses", operation: operation, attributes: attributes, tensors: tensors)
    }
    let area = max(1e-6, mask.values.reduce(0, +))
    func sign(_ x: Double) -> Double { x > 0 ? 1 : x < 0 ? -1 : 0 }
    return [
      loss("mse", [:], differences.reduce(0) { $0 + $1 * $1 } / count, differences.map { 2 * $0 / count }),
      loss("l1__odd", [:], differences.reduce(0) { $0 + abs($1) } / count, differences.map { sign($0) / count }),
      loss(
        "charbonnier_\(epsilon)", ["eps": .double(epsilon)],
        differences.reduce(0) { $0 + ($1 * $1 + epsilon).squareRoot() } / count,
        differences.map { $0 / ($0 * $0 + epsilon).squareRoot() / count }),
      loss(
        "masked_l1__checks", [:], zip(differences, mask.values).reduce(0) { $0 + abs($1.0) * $1.1 } / area,
        zip(differences, mask.values).map { sign($0) * $1 / area }, masked: true),
    ]
  }

  // MARK: - Optimisers and schedules

  private static func optimisers(_ random: inout SeededRandom) -> [Fixture] {
    let (steps, rate, momentum) = (size(&random, 3...7), 0.05, 0.75)
    let shapes = [[3, 2], [5]]
    var sgd: [String: StoredTensor] = [:]
    var annealed: [String: StoredTensor] = [:]
    for (index, shape) in shapes.enumerated() {
      let start = Grid(random: shape, &random)
      let gradients = Grid(random: [steps] + shape, &random)
      let count = start.values.count
      var (value, buffer) = (start.values, [Double](repeating: 0, count: count))
      var plain = start.values
      var (trace, plainTrace): ([Double], [Double]) = ([], [])
      for step in 0..<steps {
        let schedule = rate * (1 + cos(.pi * Double(step) / 5)) / 2
        for i in 0..<count {
          let gradient = gradients.values[step * count + i]
          buffer[i] = momentum * buffer[i] + gradient
          value[i] -= rate * buffer[i]
          plain[i] -= schedule * gradient
        }
        trace += value
        plainTrace += plain
      }
      for (key, grid) in [("in.p\(index)", start), ("in.grad.p\(index)", gradients)] {
        sgd[key] = grid.stored
        annealed[key] = grid.stored
      }
      sgd["out.p\(index)"] = Grid([steps] + shape, trace).stored
      annealed["out.p\(index)"] = Grid([steps] + shape, plainTrace).stored
    }
    let layout: JSON = "in.grad.p* and out.p* have the step as the first axis"
    // A convolution's gradient does not depend on how its batch is cut: the one-by-one kernel is a matrix product.
    let (chunks, images) = (3, 6)
    let x = Grid(random: [images, 2, 3, 4], &random)
    let weight = Grid(random: [2, 2, 1, 1], &random)
    let bias = Grid(random: [2], &random)
    let target = Grid(random: [images, 2, 3, 4], &random)
    var (dw, db) = (Grid(zeros: weight.shape), Grid(zeros: bias.shape))
    for n in 0..<images {
      for k in 0..<2 {
        for i in 0..<12 {
          func input(_ c: Int) -> Double { x.values[(n * 2 + c) * 12 + i] }
          let y = bias[k] + weight[k, 0, 0, 0] * input(0) + weight[k, 1, 0, 0] * input(1)
          let sign = y > target.values[(n * 2 + k) * 12 + i] ? 1.0 : -1
          db[k] += sign / Double(target.values.count)
          for c in 0..<2 { dw[k, c, 0, 0] += sign * input(c) / Double(target.values.count) }
        }
      }
    }
    return [
      Fixture(
        name: "sgd_momentum", group: "optim", operation: "sgd_momentum",
        attributes: ["lr": .double(rate), "momentum": .double(momentum), "steps": .int(steps), "layout": layout],
        tensors: sgd),
      Fixture(
        name: "sgd_cosine", group: "optim", operation: "sgd_cosine",
        attributes: [
          "lr": .double(rate), "steps": .int(steps), "layout": layout,
          "schedule": "CosineAnnealingLR(T_max=5, eta_min=0), stepped after each optimiser step",
        ], tensors: annealed),
      Fixture(
        name: "grad_accumulation", group: "optim", operation: "grad_accumulation",
        attributes: ["model": "conv2d 1x1 pad 0, mean L1 loss", "chunks": .int(chunks)],
        tensors: [
          "in.x": x.stored, "in.target": target.stored, "param.weight": weight.stored, "param.bias": bias.stored,
          "out.grad_weight_full_batch": dw.stored, "out.grad_bias_full_batch": db.stored,
          "out.grad_weight_accumulated": dw.stored, "out.grad_bias_accumulated": db.stored,
        ]),
    ]
  }

  private static func schedules() -> [Fixture] {
    let base = 0.003
    let rates: [(String, JSON, [Double])] = [
      (
        "step", ["type": "StepLR", "step_size": 7, "gamma": 0.5],
        (0..<23).map { base * pow(0.5, Double($0 / 7)) }
      ),
      (
        "cosine", ["type": "CosineAnnealingLR", "T_max": 11, "eta_min": 0.0001],
        (0..<17).map { 0.0001 + (base - 0.0001) * (1 + cos(.pi * Double($0) / 11)) / 2 }
      ),
      (
        "multistep", ["type": "MultiStepLR", "milestones": [3, 4, 13], "gamma": 0.3],
        (0..<15).map { step in base * pow(0.3, Double([3, 4, 13].count { $0 <= step })) }
      ),
    ]
    return rates.map { name, attributes, values in
      var fields = attributes.objectValue ?? [:]
      fields["base_lr"] = .double(base)
      return Fixture(
        name: "lr_\(name)", group: "optim", operation: "lr_schedule", attributes: .object(fields),
        tensors: ["out.lr": Grid([values.count], values).storedInDouble], tolerance: ["rtol": 1e-12, "atol": 1e-15])
    }
  }

  // MARK: - Images and metrics

  private static func images(_ random: inout SeededRandom) -> [Fixture] {
    let (h, w) = (size(&random, 4...7), size(&random, 4...7))
    let image = Grid(random: [h, w, 3], &random, 0..<1)
    func reflected(_ i: Int, _ size: Int) -> Int { i < 0 ? -i : i >= size ? 2 * size - 2 - i : i }
    var slope = Grid(zeros: image.shape)
    var small = Grid(zeros: [h, w])
    let plane = Grid(random: [2 * h, 2 * w], &random, 0..<1)
    for y in 0..<h {
      for x in 0..<w {
        for c in 0..<3 {
          for (d, weight) in [(-1, 1.0), (0, 2), (1, 1)] {
            let column = reflected(x + d, w)
            slope[y, x, c] += weight * (image[reflected(y + 1, h), column, c] - image[reflected(y - 1, h), column, c])
          }
        }
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] { small[y, x] += plane[2 * y + i, 2 * x + j] / 4 }
      }
    }
    // Too few pixels for any mask to count: every group is the whole image.
    let (truth, other) = (Grid(random: [h + 5, w + 6], &random, 0..<1), Grid(random: [h + 5, w + 6], &random, 0..<1))
    let errors = zip(truth.values, other.values).map { $0 - $1 }
    let count = Double(errors.count)
    let mse = errors.reduce(0) { $0 + $1 * $1 } / count
    var metrics = [
      "in.gt": truth.stored, "in.pred": other.stored,
      "in.mask": Grid(zeros: truth.shape).stored,
    ]
    for group in ["full", "masked", "masked_small_falls_back_to_full"] {
      metrics["out.\(group).L1"] = StoredTensor([errors.reduce(0) { $0 + abs($1) } / count], shape: [1])
      metrics["out.\(group).RMSE"] = StoredTensor([mse.squareRoot()], shape: [1])
      metrics["out.\(group).PSNR"] = StoredTensor([-10 * log10(mse + 1e-12)], shape: [1])
    }
    return [
      Fixture(
        name: "sobel", group: "image", operation: "sobel_f32_dy", attributes: ["border": "reflect_101"],
        tensors: ["in.x": image.stored, "out.y": slope.stored]),
      Fixture(
        name: "area", group: "image", operation: "cv2.resize INTER_AREA", attributes: ["dtype": "float32"],
        tensors: ["in.x": plane.stored, "out.y": small.stored]),
      Fixture(
        name: "metrics", group: "metrics", operation: "image_metrics_tiny", tensors: metrics,
        tolerance: ["rtol": 2e-5, "atol": 1e-7, "PSNR_atol_dB": 0.001, "SSIM_atol": 2e-5]),
    ]
  }
}
