# The benchmark's site for mod_perl: what bench/internal/site does, but for /echo: Perl's own JSON is not made for speed.
package Bench;

use strict;
use warnings;

use Apache2::Const -compile => qw(OK NOT_FOUND);
use Apache2::RequestIO ();
use Apache2::RequestRec ();
use APR::Table ();

my $files = $ENV{BENCH_FILES};
my %memory;
my @response_headers = (
    ['Cache-Control',             'private, max-age=60'],
    ['Content-Language',          'en'],
    ['Content-Security-Policy',   "default-src 'self'"],
    ['Referrer-Policy',           'same-origin'],
    ['Strict-Transport-Security', 'max-age=31536000'],
    ['Vary',                      'Cookie'],
    ['X-Content-Type-Options',    'nosniff'],
    ['X-Frame-Options',           'DENY'],
    ['X-Response-01',             'the value of header 01'],
    ['X-Response-02',             'the value of header 02'],
);

sub answer {
    my ($r, $body) = @_;
    $r->content_type('text/plain');
    $r->headers_out->set('Content-Length' => length $body);
    $r->print($body);
    return Apache2::Const::OK;
}

sub handler {
    my $r    = shift;
    my $path = $r->uri;
    return answer($r, "Hello, World!\n") if $path eq '/hello';
    if ($path eq '/headers') {
        $r->headers_out->set(@$_) for @response_headers;
        return answer($r, $r->headers_in->get('X-Request-07'));
    }
    if ($path eq '/upload') {
        my $total = 0;
        while ((my $n = $r->read(my $block, 65536)) > 0) { $total += $n }
        return answer($r, "$total");
    }
    if ($path eq '/flushes') {
        $r->content_type('text/plain');
        for (1 .. 1000) {
            $r->print("0123456789abcde\n");
            $r->rflush;
        }
        return Apache2::Const::OK;
    }
    if ($path =~ m{^/memory/(\d+)$}) {
        $memory{$1} //= 'm' x $1;
        return answer($r, $memory{$1});
    }
    if ($path =~ m{^/file/(\d+)$}) {
        $r->content_type('text/plain');
        $r->headers_out->set('Content-Length' => $1);
        $r->sendfile("$files/$1");
        return Apache2::Const::OK;
    }
    return Apache2::Const::NOT_FOUND;
}

1;
