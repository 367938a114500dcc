// Memory that the iterations of a parallel loop share. The compiler cannot see that two iterations touch different elements; these
// two views are the only place where that is promised instead. Neither can outlive the memory: both are non-escapable, so that a
// view which leaves the scope of its owner is an error at compile time.

/// Elements that the iterations of a parallel loop read while nobody writes them.
public struct SharedReader<Element>: ~Escapable {
  /// The first element, for C functions that return before the view ends.
  public let pointer: UnsafePointer<Element>

  /// - Parameter owner: keeps the memory at `pointer` as long as this view lives.
  @_lifetime(borrow owner)
  @inlinable public init<Owner: AnyObject>(
    unsafe pointer: UnsafePointer<Element>, owner: borrowing Owner
  ) {
    self.pointer = pointer
  }

  @_lifetime(immortal)
  @inlinable init(unowned pointer: UnsafePointer<Element>) { self.pointer = pointer }

  @_lifetime(copy other)
  @inlinable init(_ other: borrowing SharedReader, _ offset: Int) {
    pointer = other.pointer + offset
  }

  @_lifetime(copy writer)
  @inlinable init(_ writer: borrowing SharedWriter<Element>) {
    pointer = UnsafePointer(writer.pointer)
  }

  @inlinable public subscript(index: Int) -> Element {
    @inline(__always) get { pointer[index] }
  }

  /// The elements from `offset` on.
  @_lifetime(copy view)
  @inlinable @inline(__always) public static func + (view: borrowing Self, offset: Int) -> Self {
    Self(view, offset)
  }
}

/// Elements that the iterations of a parallel loop write: each writes elements of its own and reads none that another writes.
public struct SharedWriter<Element>: ~Escapable {
  /// The first element, for C functions that return before the view ends.
  public let pointer: UnsafeMutablePointer<Element>

  /// - Parameter owner: keeps the memory at `pointer` as long as this view lives.
  @_lifetime(borrow owner)
  @inlinable public init<Owner: AnyObject>(
    unsafe pointer: UnsafeMutablePointer<Element>, owner: borrowing Owner
  ) {
    self.pointer = pointer
  }

  @_lifetime(immortal)
  @inlinable init(unowned pointer: UnsafeMutablePointer<Element>) { self.pointer = pointer }

  @_lifetime(copy other)
  @inlinable init(_ other: borrowing SharedWriter, _ offset: Int) {
    pointer = other.pointer + offset
  }

  @inlinable public subscript(index: Int) -> Element {
    @inline(__always) get { pointer[index] }
    @inline(__always) nonmutating set { pointer[index] = newValue }
  }

  /// The elements from `offset` on.
  @_lifetime(copy view)
  @inlinable @inline(__always) public static func + (view: borrowing Self, offset: Int) -> Self {
    Self(view, offset)
  }

  /// These elements for functions that only read.
  public var reader: SharedReader<Element> {
    @_lifetime(copy self)
    @inlinable get { SharedReader(self) }
  }

  /// Writes `count` elements of `source` over the first ones.
  @inlinable public func update(from source: borrowing SharedReader<Element>, count: Int) {
    pointer.update(from: source.pointer, count: count)
  }

  /// Gives an element of uninitialised memory its first value.
  @inlinable public func initialise(_ index: Int, to value: Element) {
    (pointer + index).initialize(to: value)
  }

  /// Writes `value` over the first `count` elements.
  @inlinable public func update(repeating value: Element, count: Int) {
    pointer.update(repeating: value, count: count)
  }
}

// Safety: iterations only read.
extension SharedReader: @unchecked Sendable where Element: Sendable {}
// Safety: iterations write disjoint elements, which the loop's body promises by using this type.
extension SharedWriter: @unchecked Sendable where Element: Sendable {}

extension Array where Element: Sendable {
  /// Calls `body` with the elements to read.
  @inlinable public func withReader<Result>(
    _ body: (borrowing SharedReader<Element>) throws -> Result
  ) rethrows -> Result {
    try withUnsafeBufferPointer { try body(SharedReader(unowned: $0.baseAddress ?? .noElements)) }
  }

  /// Calls `body` with the elements to write in a parallel loop, each iteration its own.
  @inlinable public mutating func withWriter<Result>(
    _ body: (borrowing SharedWriter<Element>) throws -> Result
  ) rethrows -> Result {
    try withUnsafeMutableBufferPointer {
      try body(SharedWriter(unowned: $0.baseAddress ?? .noElements))
    }
  }
}

extension UnsafeMutableBufferPointer where Element: Sendable {
  /// Calls `body` with the elements to write or to initialise in a parallel loop, each iteration its own.
  @inlinable public func withWriter<Result>(
    _ body: (borrowing SharedWriter<Element>) throws -> Result
  ) rethrows -> Result {
    try body(SharedWriter(unowned: baseAddress ?? .noElements))
  }
}

// Where an empty array has no address, any will do: nothing is read or written there.
extension UnsafePointer {
  @usableFromInline static var noElements: UnsafePointer {
    UnsafePointer(UnsafeMutablePointer.noElements)
  }
}
extension UnsafeMutablePointer {
  @usableFromInline static var noElements: UnsafeMutablePointer {
    UnsafeMutablePointer(bitPattern: MemoryLayout<Pointee>.alignment)!  // an alignment is not 0
  }
}
