#include "cversion.h"

// In commit.c, which scripts/build writes in a clone and git ignores. Only that file is compiled again for a new commit.
extern const char pipeline_built_commit[] __attribute__((weak));

// In a tarball `git archive` has put the commit in here (.gitattributes).
static const char archived[] = "$Format:%H$";

const char *pipeline_commit(void) {
  if (pipeline_built_commit) return pipeline_built_commit;
  return archived[0] == '$' ? "" : archived;
}
