import Pipeline
import Testing

/// Places of files that a stage reads besides its inputs.
@Suite struct FileReferenceTests {
  @Test func pathsAndFilesOfInputsGrowAlike() {
    #expect(FileReference.path("/data").appending("a/b.png") == .path("/data/a/b.png"))
    #expect(FileReference.input(port: "folder").appending("b.png") == .input(port: "folder", path: "b.png"))
    #expect(
      FileReference.input(port: "folder", path: "a").appending("b.png") == .input(port: "folder", path: "a/b.png"))
  }

  @Test func aFolderOfTheUsersComesBeforeAnInput() {
    #expect(FileReference(UserPath("/data"), orInput: "folder", path: "normals") == .path("/data"))
    #expect(FileReference(nil, orInput: "folder", path: "normals") == .input(port: "folder", path: "normals"))
  }

  @Test func messagesShowWhereItIs() {
    #expect("\(FileReference.path("/data/a.png"))" == "/data/a.png")
    #expect("\(FileReference.input(port: "folder"))" == "input:folder")
    #expect("\(FileReference.input(port: "folder", path: "a.png"))" == "input:folder/a.png")
  }
}
