#!/usr/bin/env perl
# A CHAT/1.0 client on select, in Perl, written from the assignment alone.

use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use Encode ();

my $version      = 'CHAT/1.0';
my $longest_line = 64 * 1024;
STDOUT->autoflush(1);

sub end_with {
    my ($status, $notice) = @_;
    print "$notice\n";
    exit $status;
}

sub harmless {
    my ($line) = @_;
    my $text = Encode::decode('UTF-8', $line);
    $text =~ s/[\x00-\x1f\x7f-\x84\x86-\x9f]/?/g;
    return Encode::encode('UTF-8', $text);
}

my ($name, $address) = @ARGV;
end_with(2, 'Usage: good_client.pl NAME chat://HOST:PORT') if @ARGV != 2;
$address =~ m{\Achat://([^/:\@\s]+):([0-9]{1,5})/?\z} && $2 >= 1 && $2 <= 65535
    or end_with(2, "$address is not an address: it must be chat://host:port");
my $server = IO::Socket::INET->new(PeerAddr => $1, PeerPort => $2)
    or end_with(1, "Nobody answers at $address: $!");

my $interrupted = 0;
$SIG{INT} = $SIG{TERM} = sub { $interrupted = 1 };
$SIG{PIPE} = 'IGNORE';

sub say_line { my ($line) = @_; syswrite $server, "$line\n" }

my $registered = 0;
my ($received, $typed) = ('', '');

sub leave {
    say_line("DISCONNECT $name $version") if $registered;
    end_with(0, 'Goodbye.');
}

sub hear {
    my ($line) = @_;
    if (!$registered) {
        end_with(1, 'The server refuses the registration: ' . harmless($line)) if $line !~ /\A200\b/;
        $registered = 1;
        print "Registered; what you type is sent.\n";
    }
    elsif ($line eq "DISCONNECT $version") {
        end_with(0, 'The server is shutting down.');
    }
    else {
        print harmless($line), "\n";
    }
}

say_line("REGISTER $name $version");
while (1) {
    leave() if $interrupted;
    my $readers = IO::Select->new($server, $registered ? \*STDIN : ());
    # An interruption right before it is seen a moment later.
    for my $ready ($readers->can_read(0.2)) {
        if ($ready == $server) {
            sysread($server, $received, 65536, length $received)
                or end_with(1, 'The connection to the server is lost.');
            my @lines = split /\n/, $received, -1;
            $received = pop @lines;
            s/\r\z// for @lines;
            hear($_) for @lines;
            end_with(1, 'The server sends a line without end.') if length $received > $longest_line;
        }
        else {
            sysread(STDIN, $typed, 65536, length $typed) or leave();
            my @lines = split /\n/, $typed, -1;
            $typed = pop @lines;
            length and say_line("\@$name: $_") for @lines;
        }
    }
}
