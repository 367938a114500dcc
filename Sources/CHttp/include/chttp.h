#pragma once
// HTTP requests through libcurl. The library is loaded at the first request: linking it would add some ten milliseconds
// to the start of every worker process, and most runs never need it.
#include <stddef.h>
#include <stdint.h>

/// A connection that is kept open between requests; for one thread at a time.
typedef struct http_session http_session;

/// Takes bytes of the answer; anything but `count` ends the transfer.
typedef size_t (*http_sink)(const void *bytes, size_t count, void *context);
/// Gives bytes of the body; 0 at its end, `SIZE_MAX` to end the transfer.
typedef size_t (*http_source)(void *bytes, size_t capacity, void *context);

typedef struct {
  const char *method;    // GET, HEAD or PUT
  const char *url;       // without user and password
  const char *user;      // null: as ~/.netrc says, if it does
  const char *password;  // null with a user: none
  long connect_ms;       // to reach the server
  long total_ms;         // for everything; 0: no limit
  long stall_seconds;    // ends a transfer slower than `stall_rate` for this long
  long stall_rate;       // bytes a second
  int64_t body_size;     // of a PUT
  http_source source;    // of a PUT
  http_sink sink;        // gets the body of answers from 200 to 299 only
  void *context;         // for both
} http_request;

typedef struct {
  long status;        // 0 when no answer came
  int failed;         // the transfer did not end well, whatever the status
  char message[256];  // why, when it failed
} http_answer;

/// Null when libcurl can be used, else why not.
const char *http_problem(void);
http_session *http_open(void);
void http_close(http_session *session);
void http_perform(http_session *session, const http_request *request, http_answer *answer);
