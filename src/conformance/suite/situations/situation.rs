//! The axes, and the situations on each.

macro_rules! situations {
    ($($axis:ident $phrase:literal { $($situation:ident $words:literal;)* })*) => {
        /// In what the situations of an axis differ.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Axis {
            $(
                #[doc = $phrase]
                $axis,
            )*
        }

        impl Axis {
            /// Every axis.
            pub const ALL: &'static [Axis] = &[$(Axis::$axis),*];

            /// The axis in words.
            pub fn phrase(self) -> &'static str {
                match self {
                    $(Axis::$axis => $phrase,)*
                }
            }
        }

        /// One value on an axis.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Situation {
            $($(
                #[doc = $words]
                $situation,
            )*)*
        }

        impl Situation {
            /// Every situation, axis by axis.
            pub const ALL: &'static [Situation] = &[$($(Situation::$situation),*),*];

            /// The axis on which it lies.
            pub fn axis(self) -> Axis {
                match self {
                    $($(Situation::$situation => Axis::$axis,)*)*
                }
            }

            /// The situation in words.
            pub fn phrase(self) -> &'static str {
                match self {
                    $($(Situation::$situation => $words,)*)*
                }
            }
        }
    };
}

situations! {
    Presence "who is there" {
        Alone "one client";
        Two "two";
        Three "three to nine";
        Dozen "ten or more";
        FirstSpeaks "the first one speaks";
        MiddleSpeaks "one in the middle speaks";
        NewestSpeaks "the newest one speaks";
        SilentBeside "a connection that has not registered";
        IdleFor "seconds of silence";
    }
    Before "what happened before" {
        AfterDisconnect "somebody left by DISCONNECT";
        AfterClose "somebody closed the connection";
        AfterReset "somebody reset the connection";
        AfterMalformed "somebody was refused with 400";
        AfterTaken "somebody was refused with 401";
        AfterEmpty "everybody had left";
        AfterTalk "there was talk";
    }
    Said "what is said" {
        SaidPlain "plain words";
        SaidSpaces "spaces around or doubled";
        SaidTab "a tab";
        SaidBlank "spaces only";
        SaidOdd "no word at all, or one letter";
        SaidControl "words of the protocol";
        SaidStatus "a status";
        SaidAt "an @";
        SaidColon "a colon";
        SaidCommand "a command of other programs";
        SaidMarks "marks of other tools";
        SaidUnicode "UTF-8";
        SaidInvisible "separators and invisible characters";
        SaidHundreds "100 to 800 bytes";
        SaidThousand "about 1,000 bytes";
        SaidTwice "the same line twice in a row";
    }
    Cut "how it is cut" {
        CutInTwo "in parts";
        CutByteByByte "byte by byte";
        AtTheSameTime "at the same time as something else";
        CutInCharacter "inside a character";
        CutAtCrLf "between CR and LF";
        CutRegistration "a registration in parts";
        CutDisconnect "a DISCONNECT in parts";
        Several "several messages in a segment";
        RegistrationAndMessage "registration, or its answer, and message in a segment";
        MessageAndDisconnect "message and DISCONNECT in a segment";
        CrLf "ended by CR LF";
        NoEnd "no line end";
    }
    Names "names" {
        NamePart "one is part of another";
        NameMarks "capitals, digits, _ or -";
        NameLetter "one letter";
        NameLong "64 bytes";
        NameWord "a word of the protocol";
        NameAgain "the name of one who left";
        NameRefused "the name of one who was refused";
    }
    Malformed "how a registration is malformed" {
        NoVersion "no version";
        OtherVersion "another version";
        NoName "no name, or an empty one";
        TwoWords "a word too many";
        OtherVerb "another verb, or none";
        CaseOfVerb "the verb in other letters";
        VerbAlone "the verb alone";
        EmptyLine "an empty line";
        MessageFirst "a message";
        DisconnectFirst "a DISCONNECT";
    }
    Refused "what follows a refusal" {
        RefusedHears "the refused client listens";
        RefusedSpeaks "it speaks";
        RefusedSpeaksAsMember "it speaks as a member";
        RefusedGoes "it goes away";
        RefusedComesAgain "it, or its name, comes again";
        HolderGoesOn "the holder of the name speaks";
    }
    Leaving "how somebody leaves" {
        LeavesByDisconnect "DISCONNECT";
        LeavesAndCloses "DISCONNECT and close at once";
        LeavesByClose "close";
        LeavesByReset "reset";
        LeavesInMidLine "in the middle of a line";
        FirstLeaves "the first";
        NewestLeaves "the newest";
        OnlyOneLeaves "the only one";
        TwoLeave "two at once";
    }
    Remaining "what is seen then" {
        OthersTalk "the others talk";
        OthersHearNothing "the others hear nothing";
        LeaverHearsNothing "the one who left hears nothing";
        LeaverDisconnected "the connection is closed";
    }
    Shutdown "how the server is shut down" {
        ShutEmpty "nobody there";
        ShutOne "one client";
        ShutSome "two to nine";
        ShutDozen "ten or more";
        ShutBesideSilent "a connection that has not registered";
        ShutAfterLeaving "somebody left before";
        ShutUnread "somebody does not read";
        ShutTerminated "by SIGTERM";
    }
    Arguments "the arguments" {
        OwnNamePlain "a plain name";
        OwnNameMarks "a name with capitals, digits, _ or -";
        OwnNameLetter "a name of one letter";
        OwnNameLong "a name of 64 bytes";
        WrongScheme "another scheme, or none";
        WrongHost "no host, or something that cannot be one";
        WrongPort "no port, or one that is none";
        WrongAltogether "no address at all";
        NobodyListens "nobody listens";
        UnknownHost "a host that does not exist";
        HostByName "a host by its name";
        PortShort "a port of four digits";
    }
    Typed "what is typed" {
        TypedPlain "plain words";
        TypedSpaces "spaces around or doubled";
        TypedBlank "spaces only";
        TypedOdd "no word at all, or one letter";
        TypedControl "words of the protocol";
        TypedAt "an @";
        TypedCommand "a command of other programs";
        TypedMarks "marks of other tools";
        TypedUnicode "UTF-8";
        TypedWide "wider than the screen";
        TypedThousand "about 1,000 bytes";
        TypedPasted "several lines at once";
        TypedEarly "before the answer to REGISTER";
    }
    Received "what is received" {
        ReceivedPlain "plain words";
        ReceivedControl "words of the protocol";
        ReceivedStatus "a status";
        ReceivedAt "an @";
        ReceivedColon "a colon";
        ReceivedMarks "marks of other tools";
        ReceivedUnicode "UTF-8";
        ReceivedInvisible "separators and invisible characters";
        ReceivedWide "wider than the screen";
        ReceivedTwice "the same line twice";
        ReceivedFromNamesake "from a sender with a similar name";
        ReceivedInMidLine "while half a line is typed";
    }
    Answer "the answer to REGISTER" {
        Accepted "200";
        AcceptedLate "200 after a while";
        RefusedInvalid "400";
        RefusedInUse "401";
    }
    Ending "how it ends" {
        EndCtrlC "Ctrl-C";
        EndCtrlD "Ctrl-D";
        EndGoodbye "the server's DISCONNECT";
        EndClose "the server's close";
        EndInMidLine "in the middle of a line";
        EndBeforeAnswer "before the answer to REGISTER";
        EndAfterTalk "after some talk";
    }
}
