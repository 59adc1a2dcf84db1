/*
 * Lines from Go into httpd's logs, so that LogLevel and the virtual host's ErrorLog rule. A line that is written on a
 * request's own thread belongs to that request; one from any other thread belongs to the main server.
 */
#include "modgo.h"

APLOG_USE_MODULE(go);

static __thread request_rec *current;

int modgo_log_serving(void) { return current != NULL; }

request_rec *modgo_log_current(request_rec *r)
{
    request_rec *before = current;

    current = r;
    return before;
}

/*
 * How many bytes of text a line of httpd's log takes, which cuts what it formats at 8 KB: less the prefix that
 * ErrorLogFormat gives it, and counted as httpd escapes them.
 */
#define PIECE 7000

/* What one byte takes in the log. */
static int escaped_size(unsigned char c)
{
    return c == '\0' ? 5 : c < ' ' || c >= 0x7f ? 4 : c == '\\' || c == '"' ? 2 : 1;
}

/* How many bytes of line fit into one line of the log; between two characters where the text is UTF-8. */
static apr_size_t piece(const char *line, apr_size_t len)
{
    apr_size_t n, size = 0, back;

    for (n = 0; n < len; n++) {
        size += escaped_size(line[n]);
        if (size > PIECE) {
            break;
        }
    }
    if (n == len) {
        return n;
    }
    for (back = n; back > n - 4 && ((unsigned char)line[back] & 0xc0) == 0x80; back--) {
    }
    return ((unsigned char)line[back] & 0xc0) == 0x80 ? n : back;
}

/* Copies n bytes as a string; a NUL, which would end it, becomes \x00. */
static void copy_visible(char *text, const char *line, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; i++) {
        if (line[i]) {
            *text++ = line[i];
        }
        else {
            memcpy(text, "\\x00", 4);
            text += 4;
        }
    }
    *text = '\0';
}

void modgo_log_text(int level, request_rec *r, const char *line, apr_size_t len)
{
    char text[PIECE + 1];
    apr_size_t n;

    do {
        n = piece(line, len);
        copy_visible(text, line, n);
        if (r) {
            ap_log_rerror(APLOG_MARK, level, 0, r, "%s", text);
        }
        else {
            ap_log_error(APLOG_MARK, level, 0, ap_server_conf, "%s", text);
        }
        line += n;
        len -= n;
    } while (len);
}

void modgo_log_line(int level, const char *line, apr_size_t len) { modgo_log_text(level, current, line, len); }

void modgo_log_request(modgo_request *q, int level, const char *line, apr_size_t len)
{
    modgo_log_text(level, q->r, line, len);
}

int modgo_log_enabled(int level)
{
    return current ? APLOG_R_IS_LEVEL(current, level) : APLOG_IS_LEVEL(ap_server_conf, level);
}
