#ifndef CVERSION_H
#define CVERSION_H

/// The commit that this program was built from, 40 hexadecimal digits, with "-modified" behind them where the working tree had
/// changes; empty where neither git nor `git archive` told it.
const char *pipeline_commit(void);

#endif
