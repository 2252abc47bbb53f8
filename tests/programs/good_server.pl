#!/usr/bin/env perl
# A CHAT/1.0 server on select, in Perl, written from the assignment alone.

use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);

my $version         = 'CHAT/1.0';
my $longest_line    = 16 * 1024;
my $largest_backlog = 16 * 1024 * 1024;

my $listener = IO::Socket::INET->new(Listen => 512, LocalAddr => '0.0.0.0', LocalPort => 0, Blocking => 0)
    or die "cannot listen: $!\n";
STDOUT->autoflush(1);
print 'Waiting for clients at port ', $listener->sockport, "\n";

my %clients;    # descriptor -> { socket, name, in, out, leaving }
my %members;    # name -> client
my $ending = 0;
$SIG{INT} = $SIG{TERM} = sub { $ending = 1 };
$SIG{PIPE} = 'IGNORE';

sub drop {
    my ($client) = @_;
    delete $members{ $client->{name} } if defined $client->{name} && ($members{ $client->{name} } // 0) == $client;
    delete $clients{ fileno $client->{socket} };
    close $client->{socket};
}

sub write_out {
    my ($client) = @_;
    while (length $client->{out}) {
        my $written = syswrite $client->{socket}, $client->{out}, 65536;
        if (!defined $written) {
            return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            $client->{out} = '';
            return;    # its end is read
        }
        substr($client->{out}, 0, $written) = '';
    }
    shutdown $client->{socket}, 1 if $client->{leaving};
}

sub say_to {
    my ($client, $line) = @_;
    $client->{out} .= "$line\n";
    write_out($client);
    drop($client) if length $client->{out} > $largest_backlog;
}

# Nothing more is said to it, and nothing heard of it but its end.
sub dismiss {
    my ($client) = @_;
    delete $members{ $client->{name} } if defined $client->{name};
    $client->{name}    = undef;
    $client->{leaving} = 1;
    write_out($client);
}

sub hear {
    my ($client, $line) = @_;
    return if $client->{leaving};
    my $name = $client->{name};
    if (!defined $name) {
        if ($line !~ /\AREGISTER ([^\s[:cntrl:]]{1,64}) CHAT\/1\.0\z/) {
            say_to($client, '400 Invalid registration');
            dismiss($client);
        }
        elsif ($members{$1}) {
            say_to($client, '401 Client already registered');
            dismiss($client);
        }
        else {
            $client->{name} = $1;
            $members{$1} = $client;
            say_to($client, '200 Registration successful');
        }
    }
    elsif ($line eq "DISCONNECT $name $version") {
        dismiss($client);
    }
    elsif (index($line, "\@$name: ") == 0) {
        $_ != $client and say_to($_, $line) for values %members;
    }
}

sub read_from {
    my ($client) = @_;
    my $length = sysread $client->{socket}, $client->{in}, 65536, length $client->{in};
    if (!$length) {
        return if !defined $length && ($! == EAGAIN || $! == EINTR);
        return drop($client);
    }
    my @lines = split /\n/, $client->{in}, -1;
    $client->{in} = pop @lines;
    s/\r\z// for @lines;
    hear($client, $_) for @lines;
    drop($client) if length $client->{in} > $longest_line;
}

until ($ending) {
    my $readers = IO::Select->new($listener, map { $_->{socket} } values %clients);
    my $writers = IO::Select->new(map { $_->{socket} } grep { length $_->{out} } values %clients);
    my ($readable, $writable) = IO::Select::select($readers, $writers, undef, 1);
    for my $socket (@{ $writable // [] }) {
        my $client = $clients{ fileno $socket // -1 };
        write_out($client) if $client;
    }
    for my $socket (@{ $readable // [] }) {
        if ($socket == $listener) {
            while (my $new = $listener->accept) {
                $new->blocking(0);
                $clients{ fileno $new } = { socket => $new, in => '', out => '' };
            }
            next;
        }
        my $client = defined fileno $socket ? $clients{ fileno $socket } : undef;
        read_from($client) if $client;
    }
}

say_to($_, "DISCONNECT $version") for values %members;
shutdown $_->{socket}, 1 for values %clients;
