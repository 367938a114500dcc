#include "chttp.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  CURLcode (*global_init)(long);
  CURL *(*easy_init)(void);
  void (*easy_reset)(CURL *);
  void (*easy_cleanup)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_perform)(CURL *);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

static void load(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(problem, sizeof problem, "libcurl is not installed (%s)", dlerror());
    return;
  }
#define LOAD(field, name)                                                        \
  do {                                                                           \
    *(void **)&curl.field = dlsym(library, name);                                \
    if (!curl.field) snprintf(problem, sizeof problem, "libcurl lacks %s", name); \
  } while (0)
  LOAD(global_init, "curl_global_init");
  LOAD(easy_init, "curl_easy_init");
  LOAD(easy_reset, "curl_easy_reset");
  LOAD(easy_cleanup, "curl_easy_cleanup");
  LOAD(easy_setopt, "curl_easy_setopt");
  LOAD(easy_perform, "curl_easy_perform");
  LOAD(easy_getinfo, "curl_easy_getinfo");
  LOAD(easy_strerror, "curl_easy_strerror");
  LOAD(slist_append, "curl_slist_append");
  LOAD(slist_free_all, "curl_slist_free_all");
#undef LOAD
  if (!problem[0] && curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    snprintf(problem, sizeof problem, "libcurl cannot be set up");
}

const char *http_problem(void) {
  pthread_once(&once, load);
  return problem[0] ? problem : NULL;
}

struct http_session {
  CURL *handle;
  const http_request *request;
};

http_session *http_open(void) {
  if (http_problem()) return NULL;
  http_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->handle = curl.easy_init();
  if (!session->handle) {
    free(session);
    return NULL;
  }
  return session;
}

void http_close(http_session *session) {
  if (!session) return;
  curl.easy_cleanup(session->handle);
  free(session);
}

static size_t receive(char *bytes, size_t size, size_t count, void *context) {
  http_session *session = context;
  long status = 0;
  curl.easy_getinfo(session->handle, CURLINFO_RESPONSE_CODE, &status);
  // The page that comes with an error is nobody's result.
  if (status < 200 || status > 299 || !session->request->sink) return size * count;
  return session->request->sink(bytes, size * count, session->request->context);
}

static size_t give(char *bytes, size_t size, size_t count, void *context) {
  http_session *session = context;
  size_t given = session->request->source(bytes, size * count, session->request->context);
  return given == SIZE_MAX ? CURL_READFUNC_ABORT : given;
}

void http_perform(http_session *session, const http_request *request, http_answer *answer) {
  memset(answer, 0, sizeof *answer);
  session->request = request;
  CURL *handle = session->handle;
  curl.easy_reset(handle);  // options only: the connection stays
  char message[CURL_ERROR_SIZE] = "";
  curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, message);
  curl.easy_setopt(handle, CURLOPT_URL, request->url);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"  // the new name is not in libcurl before 7.85
  curl.easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  curl.easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#pragma clang diagnostic pop
  curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(handle, CURLOPT_USERAGENT, "pipeline/1");
  curl.easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl.easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  curl.easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl.easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, request->connect_ms);
  if (request->total_ms > 0) curl.easy_setopt(handle, CURLOPT_TIMEOUT_MS, request->total_ms);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, request->stall_seconds);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, request->stall_rate);
  if (request->user) {
    curl.easy_setopt(handle, CURLOPT_USERNAME, request->user);
    curl.easy_setopt(handle, CURLOPT_PASSWORD, request->password ? request->password : "");
  } else {
    curl.easy_setopt(handle, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  }
  curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  curl.easy_setopt(handle, CURLOPT_WRITEDATA, session);
  struct curl_slist *headers = NULL;
  if (strcmp(request->method, "HEAD") == 0) {
    curl.easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (strcmp(request->method, "PUT") == 0) {
    curl.easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl.easy_setopt(handle, CURLOPT_READFUNCTION, give);
    curl.easy_setopt(handle, CURLOPT_READDATA, session);
    curl.easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
    // Many servers never say "100 Continue"; waiting for it costs a second a file.
    headers = curl.slist_append(headers, "Expect:");
    headers = curl.slist_append(headers, "Content-Type: application/octet-stream");
    curl.easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  }
  CURLcode code = curl.easy_perform(handle);
  curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer->status);
  if (code != CURLE_OK) {
    answer->failed = 1;
    snprintf(answer->message, sizeof answer->message, "%s", message[0] ? message : curl.easy_strerror(code));
  }
  if (headers) {
    curl.easy_setopt(handle, CURLOPT_HTTPHEADER, NULL);
    curl.slist_free_all(headers);
  }
  session->request = NULL;
}
