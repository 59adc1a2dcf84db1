/*
 * What was compiled into this object. The builder links one list of strings in; it is static data, so that the parent
 * can check a directive against it without running any Go.
 */
#include "modgo.h"

/*
 * For each package its import path, then the names of its callables, each NUL-terminated; an empty string ends the
 * names, an empty import path ends the list. Weak: an object linked without the builder has no packages.
 */
extern const char modgo_packages[] __attribute__((weak, visibility("hidden")));

typedef struct {
    const char *at; /* the next string */
    modgo_callable callable;
} cursor;

static void begin(cursor *c)
{
    c->at = modgo_packages;
    c->callable.package = NULL;
    c->callable.name = NULL;
}

/* Moves to the next callable; returns 0 past the last. */
static int next(cursor *c)
{
    if (!c->at) {
        return 0;
    }
    for (;;) {
        const char *word = c->at;
        if (!c->callable.package) {
            if (!*word) {
                c->at = NULL;
                return 0;
            }
            c->callable.package = word;
        }
        else if (*word) {
            c->callable.name = word;
            c->at = word + strlen(word) + 1;
            return 1;
        }
        else {
            c->callable.package = NULL;
        }
        c->at = word + strlen(word) + 1;
    }
}

int modgo_callables_count(void)
{
    cursor c;
    int count = 0;

    for (begin(&c); next(&c); count++) {
    }
    return count;
}

int modgo_callable_at(int index, modgo_callable *found)
{
    cursor c;

    begin(&c);
    while (next(&c)) {
        if (index-- == 0) {
            *found = c.callable;
            return 1;
        }
    }
    return 0;
}

int modgo_callable_find(const char *package, const char *name)
{
    cursor c;
    int index = 0, exported = -1;

    begin(&c);
    for (; next(&c); index++) {
        if (strcmp(c.callable.package, package) != 0) {
            continue;
        }
        if (strcmp(c.callable.name, name ? name : "application") == 0) {
            return index;
        }
        if (!name && strcmp(c.callable.name, "Application") == 0) {
            exported = index;
        }
    }
    return exported;
}

int modgo_package_exists(const char *package)
{
    cursor c;

    begin(&c);
    while (next(&c)) {
        if (strcmp(c.callable.package, package) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Joins words as a sentence does. */
static const char *enumerate(apr_pool_t *p, const apr_array_header_t *words)
{
    const char *text = words->nelts ? APR_ARRAY_IDX(words, 0, const char *) : "none";
    int i;

    for (i = 1; i < words->nelts; i++) {
        text = apr_pstrcat(p, text, i + 1 < words->nelts ? ", " : " and ", APR_ARRAY_IDX(words, i, const char *), NULL);
    }
    return text;
}

const char *modgo_packages_list(apr_pool_t *p)
{
    apr_array_header_t *words = apr_array_make(p, 8, sizeof(const char *));
    const char *last = NULL;
    cursor c;

    begin(&c);
    while (next(&c)) {
        if (c.callable.package != last) {
            last = APR_ARRAY_PUSH(words, const char *) = c.callable.package;
        }
    }
    return enumerate(p, words);
}

const char *modgo_callables_list(apr_pool_t *p, const char *package)
{
    apr_array_header_t *words = apr_array_make(p, 8, sizeof(const char *));
    cursor c;

    begin(&c);
    while (next(&c)) {
        if (strcmp(c.callable.package, package) == 0) {
            APR_ARRAY_PUSH(words, const char *) = c.callable.name;
        }
    }
    return enumerate(p, words);
}
