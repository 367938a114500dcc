/// Orders names as people do: runs of digits by their value, the rest by code points; equal values by fewer leading
/// zeros, so that the order is total. `face 2` stands before `face 10`.
public func naturallyPrecedes(_ a: String, _ b: String) -> Bool {
  var a = a
  var b = b
  return a.withUTF8 { x in b.withUTF8 { y in naturallyPrecedes(x, y) } }
}

private func naturallyPrecedes(_ x: UnsafeBufferPointer<UInt8>, _ y: UnsafeBufferPointer<UInt8>) -> Bool {
  func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }
  var i = 0
  var j = 0
  while i < x.count && j < y.count {
    if isDigit(x[i]) && isDigit(y[j]) {
      let startI = i
      let startJ = j
      while i < x.count && isDigit(x[i]) { i += 1 }
      while j < y.count && isDigit(y[j]) { j += 1 }
      let p = x[startI..<i].drop { $0 == 48 }
      let q = y[startJ..<j].drop { $0 == 48 }
      if p.count != q.count { return p.count < q.count }
      if !p.elementsEqual(q) { return p.lexicographicallyPrecedes(q) }
      if i - startI != j - startJ { return i - startI < j - startJ }
    } else {
      if x[i] != y[j] { return x[i] < y[j] }
      i += 1
      j += 1
    }
  }
  return x.count - i < y.count - j
}
