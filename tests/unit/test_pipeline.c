/* SPDX-License-Identifier: MIT */
/* The way of an event, from the kernel's records to the run of a hook. */
#include "app/events/pipeline.h"

#include "events_script.h"

/* A rule for all of the second filesystem, and one whose hook reads all paths of a turn. */
#define R "[r]\npath = /srv/**\ncommand = hook\n"
#define BATCH R "run-per = batch\nstdin = paths\n"
/* Process 11 writes a file. */
#define WRITES "fork:10:11 exec:11:touch file:close-write:11:/srv/a "
/* Files are below /srv/new before it is renamed to /srv/site/new, which rules are about. */
#define SITE "[r]\npath = /srv/site/**\ncommand = hook\nrun-per = batch\nstdin = paths\n"
#define MOVES_IN                                                 \
	"file:modify:10:/srv/new/f file:modify:10:/srv/new/d/g " \
	"rename:10:/srv/new:/srv/site/new turn >start:1:hook:/srv/site/new hush "
#define TEN_FILES                                                            \
	"file:modify:10:/srv/0 file:modify:10:/srv/1 file:modify:10:/srv/2 " \
	"file:modify:10:/srv/3 file:modify:10:/srv/4 file:modify:10:/srv/5 " \
	"file:modify:10:/srv/6 file:modify:10:/srv/7 file:modify:10:/srv/8 " \
	"file:modify:10:/srv/9 "

#define TEN_CREATES(name)                                                          \
	"create:10:/srv/" name "0 create:10:/srv/" name "1 create:10:/srv/" name   \
	"2 create:10:/srv/" name "3 create:10:/srv/" name "4 create:10:/srv/" name \
	"5 create:10:/srv/" name "6 create:10:/srv/" name "7 create:10:/srv/" name \
	"8 create:10:/srv/" name "9 "

#define SEVENTY_CREATES  \
	TEN_CREATES("a") \
	TEN_CREATES("b") \
	TEN_CREATES("c") \
	TEN_CREATES("d") TEN_CREATES("e") TEN_CREATES("f") TEN_CREATES("g")

static const struct script scripts[] = {
	/* What happens to files */
	{.name = "a file that is made and written has one run",
		R,
		"fork:10:11 exec:11:touch create:11:/srv/a file:close-write:11:/srv/a "
		"at:7000 turn >start:1:hook:/srv/a env:FSMON_EVENT:close-write "
		"env:FSMON_TYPE:file "
		"env:FSMON_CMD:touch env:FSMON_PID:11 env:FSMON_ATTRIBUTION:exact "
		"timed:7000 "
		"count:read:3 count:resolved:3 ended:1:exit:0 turn"},
	{.name = "all of it is told to the store",
		R,
		WRITES "turn >job:1:wait >event:1:1 >start:1:hook:/srv/a >job:1:1 "
		       ">run:1:running ended:1:exit:0 >run:1:ok >over:1",
		.hears_store = true},
	{.name = "a file that was only made has a run if nobody can write it",
		BATCH,
		"create:10:/srv/f hold:/srv/f mkdir:10:/srv/d turn "
		">start:1:hook:/srv/d env:FSMON_TYPE:dir stdin:/srv/d+ turn turn"},
	{.name = "a file that nobody has open for writing is told when that is known",
		R,
		"at:7000 create:10:/srv/f turn count:settled:0 at:9000 turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:create env:FSMON_TYPE:file "
		"env:FSMON_CMD:bash timed:7000 count:settled:1"},
	{.name = "a file that is written is told by its close alone",
		R,
		"create:10:/srv/f hold:/srv/f turn turn count:settled:1 turn "
		"free:/srv/f file:close-write:10:/srv/f turn >start:1:hook:/srv/f "
		"env:FSMON_EVENT:close-write turn turn is:r:matched:1"},
	{.name = "a file that is closed while its writer is asked for is told once",
		R,
		"slow create:10:/srv/f turn count:settled:0 file:close-write:10:/srv/f "
		"turn >start:1:hook:/srv/f env:FSMON_EVENT:close-write count:settled:0 "
		"answers turn turn is:r:matched:1 count:settled:2"},
	{.name = "a modify that the record of its close stands in front of is not told",
		R "[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"fork:10:11 exec:11:date create:10:/srv/f file:close-write:10:/srv/f "
		"file:modify:11:/srv/f turn >start:1:hook:/srv/f is:r:matched:1 turn "
		"turn "
		"is:r:matched:1"},
	{.name = "a close that is read after the answer is the one that is told",
		R,
		"slow create:10:/srv/f turn answers file:close-write:10:/srv/f turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:close-write turn is:r:matched:1"},
	{.name = "a record whose directory is gone holds up no file that is complete",
		BATCH,
		"slow create:10:/srv/f turn answers delete:10:/srv/d/g delete:10:/srv/d "
		"turn:1 >start:1:hook:/srv/f env:FSMON_EVENT:create is:r:matched:1 "
		"turn ended:1:exit:0 turn >start:2:hook:/srv/d "
		"stdin:/srv/d/g+/srv/d+ is:r:matched:3"},
	{.name = "a file that is closed under another name is told then",
		"[r]\npath = /srv/new/*\ncommand = hook\n",
		"hold:/srv/tmp hardlink:10:/srv/tmp:/srv/new/1 turn turn count:settled:1 "
		"file:close-write:10:/srv/x turn turn free:/srv/tmp "
		"file:close-write:10:/srv/tmp turn count:settled:2 turn "
		">start:1:hook:/srv/new/1 env:FSMON_EVENT:create count:settled:3 "
		"is:r:matched:1"},
	{.name = "a file that was closed under another name while it was asked is asked "
		 "again",
		"[r]\npath = /srv/new/*\ncommand = hook\n",
		"hold:/srv/tmp hardlink:10:/srv/tmp:/srv/new/1 slow turn "
		"file:close-write:10:/srv/tmp turn answers free:/srv/tmp turn turn "
		">start:1:hook:/srv/new/1 is:r:matched:1"},
	{.name = "what is made by link and unlink is told once",
		"[r]\npath = /srv/new/*\ncommand = hook\n",
		"file:close-write:10:/srv/tmp hardlink:10:/srv/tmp:/srv/new/1 "
		"delete:10:/srv/tmp turn turn >start:1:hook:/srv/new/1 "
		"env:FSMON_TYPE:file is:r:matched:1"},
	{.name = "what is no regular file is told at once",
		R,
		"mknod:10:/srv/d turn >start:1:hook:/srv/d env:FSMON_TYPE:other"},
	{.name = "a file that is gone again is told by its delete",
		R,
		"slow create:10:/srv/f turn delete:10:/srv/f turn >start:1:hook:/srv/f "
		"env:FSMON_EVENT:delete answers turn turn is:r:matched:1"},
	{.name = "a file of which no name is left is told by the record that says so",
		R,
		"create:10:/srv/f vanish:/srv/f turn turn is:r:matched:0 "
		"count:settled:1"},
	{.name = "a file that is renamed at once is told by that",
		R,
		"slow create:10:/srv/f turn rename:10:/srv/f:/srv/g turn "
		">start:1:hook:/srv/g answers turn turn is:r:matched:1"},
	{.name = "while there is more to read nobody is asked about a new file, for one "
		 "turn",
		R,
		"create:10:/srv/f file:close-write:10:/srv/f turn:1 asked:0 turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:close-write turn asked:0 "
		"create:10:/srv/g file:delete:10:/srv/1 file:delete:10:/srv/2 turn:1 "
		"asked:0 turn:1 asked:1 hush"},
	{.name = "not more questions are open than that many",
		R,
		"slow " SEVENTY_CREATES "turn asked:64 turn asked:64 answers turn "
		">start:1:hook:/srv/a0 asked:70 turn is:r:matched:70"},
	{.name = "what is written to a pipe changes nothing that is there",
		R "[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"mknod:10:/srv/p turn >start:1:hook:/srv/p file:modify:10:/srv/p turn "
		"turn is:r:matched:1"},
	{.name = "the delete by another does not hide who has made the file",
		R "by-cmd = bash\n",
		"fork:10:11 exec:11:touch slow create:10:/srv/f turn delete:11:/srv/f "
		"turn >start:1:hook:/srv/f env:FSMON_EVENT:create env:FSMON_CMD:bash "
		"answers turn is:r:matched:1"},
	{.name = "a written file that another renames is told by its new name",
		R "by-cmd = bash\nparallel = 2\n",
		"fork:10:11 exec:11:touch create:10:/srv/f hold:/srv/f turn turn "
		"rename:11:/srv/f:/srv/g turn free:/srv/g file:close-write:10:/srv/g "
		"turn >start:1:hook:/srv/g env:FSMON_EVENT:close-write turn turn "
		"is:r:matched:1"},
	{.name = "a file that was truncated by its name is told",
		R "[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"file:modify:10:/srv/f turn turn >start:1:hook:/srv/f "
		"env:FSMON_EVENT:modify env:FSMON_EVENTS:modify is:r:matched:1"},
	{.name = "what a process writes is told by its close alone, whoever has it open "
		 "too",
		R "[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"hold:/srv/f file:modify:10:/srv/f turn turn file:modify:10:/srv/f turn "
		"file:modify:10:/srv/f turn free:/srv/f file:close-write:10:/srv/f turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:close-write turn turn "
		"is:r:matched:1"},
	{.name = "the close of another does not hide who has truncated the file",
		R
		"by-cmd = !touch\n[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"fork:10:11 exec:11:touch turn hold:/srv/f file:modify:10:/srv/f turn "
		"turn "
		"free:/srv/f file:close-write:11:/srv/f turn is:r:matched:0 turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:modify env:FSMON_CMD:bash "
		"is:r:matched:1"},
	{.name = "the close by a hook of the rule does not hide what others did",
		R "parallel = 2\n[m]\npath = /srv/no/*\nevents = modify\ncommand = no\n",
		"file:close-write:10:/srv/a turn >start:1:hook:/srv/a fork:10:11 "
		"message:started:1:11 hold:/srv/f file:modify:10:/srv/f turn "
		">tag:11:1:1:1 turn free:/srv/f file:close-write:11:/srv/f turn turn "
		">start:2:hook:/srv/f env:FSMON_EVENT:modify is:r:self:1"},
	{.name = "an answer that does not come is not waited for longer than a second",
		R,
		"slow create:10:/srv/f turn at:999 turn is:r:matched:0 at:1001 turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:create count:settled:1 "
		"file:close-write:10:/srv/f turn ended:1:exit:0 turn "
		">start:2:hook:/srv/f answers turn turn is:r:matched:2"},
	{.name = "after a loss of records those who write are asked for again",
		R "on-overflow = ignore\n",
		"create:10:/srv/f hold:/srv/f turn turn free:/srv/f overflow turn turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:create is:r:matched:1"},
	{.name = "after a reload those who write are asked for again",
		R,
		"create:10:/srv/f hold:/srv/f turn turn free:/srv/f reload turn turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:create is:r:matched:1",
		.then = R},
	{.name = "a rule that asks for each create has it at once",
		R "[s]\npath = /srv/**\nevents = create\ncommand = other\n",
		"create:10:/srv/f turn >start:1:other:/srv/f turn "
		">start:2:hook:/srv/f is:s:matched:1 is:r:matched:1"},
	{.name = "files that wait go with the rules of a reload",
		"[a]\npath = /home/*\ncommand = one\n" R,
		"slow create:10:/srv/f create:10:/home/f turn reload answers turn "
		">start:1:hook:/srv/f is:r:matched:1",
		.then = R},
	{.name = "an entry that was made and deleted as one is what is there",
		R "run-per = event\n",
		"file:create+delete:10:/srv/f turn turn >start:1:hook:/srv/f "
		"env:FSMON_EVENT:create env:FSMON_EVENTS:create,delete "
		"env:FSMON_TYPE:file ended:1:exit:0 file:create+delete:10:/srv/g "
		"vanish:/srv/g turn >start:2:hook:/srv/g env:FSMON_EVENT:delete "
		"env:FSMON_TYPE:"},
	{.name = "an entry that is there again is told when it is complete",
		R,
		"hold:/srv/f file:create+delete:10:/srv/f turn turn is:r:matched:0 "
		"free:/srv/f file:close-write+delete:10:/srv/f turn "
		">start:1:hook:/srv/f env:FSMON_EVENT:close-write turn is:r:matched:1"},
	{.name = "a rule that asks for deletes alone has them, also of what is there "
		 "again",
		R "events = delete\n",
		"file:create+delete:10:/srv/f turn >start:1:hook:/srv/f "
		"env:FSMON_EVENT:delete"},
	{.name = "a deleted entry fulfils a condition on the size, as it is gone",
		R "size = >100G\n",
		"hardlink:10:/srv/a:/srv/b turn turn is:r:matched:0 delete:10:/srv/b "
		"turn >start:1:hook:/srv/b"},
	{.name = "a delete has no type, also where another link is left",
		R "run-per = event\n",
		"hardlink:10:/home/1:/home/2 turn hardlink:10:/srv/a:/srv/b "
		"delete:10:/srv/b turn >start:1:hook:/srv/b env:FSMON_EVENT:delete "
		"env:FSMON_TYPE:"},
	{.name = "a condition on the type is one on what is there now",
		R "events = attrib\ntype = dir\n",
		"mkdir:10:/srv/d file:attrib:10:/srv/d file:attrib:10:/srv/f turn "
		">start:1:hook:/srv/d env:FSMON_TYPE:dir is:r:matched:1"},
	{.name = "a condition on the size has the file looked at",
		"[a]\npath = /srv/**\nsize = >1\ncommand = one\n"
		"[b]\npath = /srv/**\nsize = >100G\ncommand = two\n",
		"file:close-write:10:/srv/a turn >start:1:one:/srv/a is:b:matched:0"},
	{.name = "events that came as one are told as the newest",
		R "events = create, modify, close-write\n",
		"file:create+modify+close-write:10:/srv/a turn >start:1:hook:/srv/a "
		"env:FSMON_EVENT:close-write"},
	{.name = "a renamed file has both paths",
		"[r]\npath = /srv/new\ncommand = hook\n",
		"rename:10:/srv/old:/srv/new turn >start:1:hook:/srv/new "
		"env:FSMON_EVENT:moved-to env:FSMON_OLD_PATH:/srv/old"},
	{.name = "each rule sees its side of a rename",
		"[a]\npath = /srv/a/*\ncommand = one\n[b]\npath = /srv/b/*\ncommand = "
		"two\n",
		"rename:10:/srv/a/f:/srv/b/f turn >start:1:one:/srv/a/f "
		">start:2:two:/srv/b/f env:FSMON_EVENT:moved-to "
		"env:FSMON_OLD_PATH:/srv/a/f"},
	{.name = "what is below a renamed directory moves with it",
		BATCH,
		"file:close-write:10:/srv/d/e/f rename:10:/srv/d:/srv/x "
		"file:close-write:10:/srv/x/e/f turn >start:1:hook:/srv/x/e/f "
		"stdin:/srv/d/e/f+/srv/x+/srv/x/e/f+ list ended:1:exit:0 turn "
		">start:2:hook:/srv/x/e/f stdin:/srv/x/e+/srv/x/e/f+ "
		"env:FSMON_EVENT:rename env:FSMON_OLD_PATH:/srv/d/e/f"},
	{.name = "files of a whole tree that is gone have their paths",
		BATCH,
		"mkdir:10:/srv/t turn hush "
		"delete:10:/srv/t/a/b/f delete:10:/srv/t/a/b delete:10:/srv/t/a "
		"delete:10:/srv/t turn "
		"ended:1:exit:0 turn >start:2:hook:/srv/t "
		"stdin:/srv/t/a/b/f+/srv/t/a/b+/srv/t/a+/srv/t+"},
	{.name = "a file without a name is told when it has one",
		R "events = create\n",
		"tmpfile:10:/srv/x turn link:10:/srv/x turn >start:1:hook:/srv/x "
		"env:FSMON_EVENT:create"},
	{.name = "what was written without a name has the name that it was given since",
		R "events = close-write\n",
		"tmpfile:10:/srv/d/x link:10:/srv/d/x turn >start:1:hook:/srv/d/x"},
	{.name = "what was written without a name is told once, with the name",
		R "run-per = event\n",
		"tmpfile:10:/srv/x link:10:/srv/x turn turn >start:1:hook:/srv/x "
		"env:FSMON_EVENT:close-write is:r:matched:1 ended:1:exit:0 turn "
		"tmpfile:10:/srv/y hold:/srv/y link:10:/srv/y turn turn turn "
		"free:/srv/y file:close-write:10:/srv/y turn >start:2:hook:/srv/y "
		"env:FSMON_EVENT:close-write is:r:matched:2"},
	{.name = "a file that never gets a name is not told",
		R "events = close-write\n",
		"tmpfile:10:/srv/d/x turn count:resolved:1"},
	{.name = "a file whose name begins like that of a nameless one keeps it",
		R,
		"file:close-write:10:/srv/#1 turn >start:1:hook:/srv/#1"},
	{.name = "a directory itself is told by its path",
		R "events = attrib\n",
		"mkdir:10:/srv/d file:attrib:10:/srv turn file:attrib:10:/srv/d turn "
		">start:1:hook:/srv/d"},

	{.name = "a file deep in directories that nothing was told of has its path",
		R,
		"file:close-write:10:/srv/a/b/c/f turn >start:1:hook:/srv/a/b/c/f"},

	/* Renames whose records the kernel has merged into earlier ones */
	{.name = "a directory that was renamed there, back and there again is there",
		BATCH,
		"dir:/srv/d rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d "
		"merged:10:/srv/d:/srv/e file:close-write:10:/srv/e/f turn "
		">start:1:hook:/srv/e/f stdin:/srv/e+/srv/d+/srv/e+/srv/e/f+ "
		"count:unresolved:0 count:resolved:3"},
	{.name = "so is a file, and its last event is that it came there",
		"[r]\npath = /srv/e\nrun-per = event\nparallel = 9\ncommand = hook\n",
		"fork:10:11 exec:11:mv rename:11:/srv/d:/srv/e rename:10:/srv/e:/srv/d "
		"merged:11:/srv/d:/srv/e turn hush ended:1:exit:0 turn hush "
		"ended:2:exit:0 turn hush env:FSMON_EVENT:moved-to "
		"env:FSMON_OLD_PATH:/srv/d env:FSMON_PID:11 env:FSMON_CMD:mv "
		"is:r:matched:3"},
	{.name = "a directory that has gone round three names is where it is",
		BATCH,
		"dir:/srv/a rename:10:/srv/a:/srv/b rename:10:/srv/b:/srv/c "
		"rename:10:/srv/c:/srv/a merged:10:/srv/a:/srv/b merged:10:/srv/b:/srv/c "
		"file:close-write:10:/srv/c/f turn >start:1:hook:/srv/c/f "
		"stdin:/srv/b+/srv/c+/srv/a+/srv/b+/srv/c+/srv/c/f+"},
	{.name = "a directory that has come back and stayed is told of no more",
		BATCH,
		"dir:/srv/d rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d "
		"file:close-write:10:/srv/d/f turn >start:1:hook:/srv/d/f "
		"stdin:/srv/e+/srv/d+/srv/d/f+"},
	{.name = "where a directory was that came back says the next record of it",
		BATCH,
		"dir:/srv/d rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d "
		"merged:10:/srv/d:/srv/e rename:10:/srv/e:/srv/x turn "
		">start:1:hook:/srv/x stdin:/srv/e+/srv/d+/srv/e+/srv/x+"},
	{.name = "also if that is queued only when directories are asked",
		BATCH,
		"dir:/srv/d rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d "
		"merged:10:/srv/d:/srv/e rename:10:/srv/e:/srv/x race:1 turn:2 "
		">start:1:hook:/srv/x stdin:/srv/e+/srv/d+/srv/e+/srv/x+"},
	{.name = "a file that came back and was removed elsewhere was there",
		BATCH,
		"rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d merged:10:/srv/d:/srv/e "
		"delete:10:/srv/e turn >start:1:hook:/srv/e "
		"stdin:/srv/e+/srv/d+/srv/e+/srv/e+"},
	{.name = "a file that came back and was removed there was there",
		BATCH,
		"rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d delete:10:/srv/d turn "
		">start:1:hook:/srv/d stdin:/srv/e+/srv/d+/srv/d+"},
	{.name = "a file that came back and was replaced elsewhere was there",
		BATCH,
		"rename:10:/srv/d:/srv/e rename:10:/srv/e:/srv/d merged:10:/srv/d:/srv/e "
		"rename:10:/srv/x:/srv/e turn >start:1:hook:/srv/e "
		"stdin:/srv/e+/srv/d+/srv/e+/srv/e+"},
	{.name = "a rename is not told again when the queue was empty meanwhile",
		BATCH "parallel = 9\n",
		"dir:/srv/d rename:10:/srv/d:/srv/e turn >start:1:hook:/srv/e turn "
		"ended:1:exit:0 rename:10:/srv/e:/srv/d turn >start:2:hook:/srv/d "
		"stdin:/srv/d+"},
	{.name = "an exchange ends with what has come, for each name",
		"[a]\npath = /srv/a\nrun-per = event\nparallel = 9\ncommand = one\n"
		"[b]\npath = /srv/b\nrun-per = event\nparallel = 9\ncommand = two\n",
		"exchange:10:/srv/a:/srv/b turn hush is:a:matched:2 is:b:matched:1 "
		"ended:1:exit:0 turn >start:3:one:/srv/a env:FSMON_EVENT:moved-to "
		"env:FSMON_OLD_PATH:/srv/b"},
	{.name = "also in two readings",
		"[b]\npath = /srv/b\nrun-per = event\ncommand = two\n",
		"exchange:10:/srv/a:/srv/b turn:1 >start:1:two:/srv/b turn turn "
		"is:b:matched:1 env:FSMON_EVENT:moved-to"},
	{.name = "who asks only for what goes hears of both halves",
		"[b]\npath = /srv/b\nevents = moved-from\ncommand = two\n",
		"exchange:10:/srv/a:/srv/b turn >start:1:two:/srv/b "
		"env:FSMON_NEW_PATH:/srv/a"},
	{.name = "what takes the way back of another is no exchange",
		"[b]\npath = /srv/b\nrun-per = batch\nstdin = json\ncommand = two\n",
		"rename:10:/srv/a:/srv/b delete:10:/srv/b create:10:/srv/b "
		"rename:10:/srv/b:/srv/a turn >start:1:two:/srv/b "
		"env:FSMON_EVENT:moved-from"},
	{.name = "three exchanges of which the third was merged end as they did",
		"[a]\npath = /srv/a\nrun-per = batch\ncommand = one\n"
		"[b]\npath = /srv/b\nrun-per = batch\ncommand = two\n",
		"exchange:10:/srv/a:/srv/b exchange:10:/srv/a:/srv/b "
		"exchange:10:/srv/a:/srv/b:merged turn >start:1:one:/srv/a "
		">start:2:two:/srv/b env:FSMON_EVENT:moved-to env:FSMON_COUNT:3"},
	{.name = "and so for the other name",
		"[a]\npath = /srv/a\nrun-per = batch\ncommand = one\n",
		"exchange:10:/srv/a:/srv/b exchange:10:/srv/a:/srv/b "
		"exchange:10:/srv/a:/srv/b:merged turn >start:1:one:/srv/a "
		"env:FSMON_EVENT:moved-to env:FSMON_COUNT:6"},
	/* What is below a directory that is renamed */
	{.name = "what is in a directory that is moved in is told when it is listed",
		SITE,
		MOVES_IN "count:settled:0 list ended:1:exit:0 at:500 turn "
			 ">start:2:hook:/srv/site/new/d/g "
			 "stdin:/srv/site/new/f+/srv/site/new/d+/srv/site/new/d/g+ "
			 "env:FSMON_EVENT:moved-to env:FSMON_OLD_PATH:/srv/new/d/g "
			 "env:FSMON_CMD:bash env:FSMON_TYPE:file env:FSMON_TRUNCATED: "
			 "timed:0 count:settled:1"},
	{.name = "what is in a directory that is moved away is told by its old path",
		"[r]\npath = /srv/site/*/g\ncommand = hook\n",
		"file:modify:10:/srv/site/d/g rename:10:/srv/site/d:/srv/away turn list "
		"turn >start:1:hook:/srv/site/d/g env:FSMON_EVENT:moved-from "
		"env:FSMON_NEW_PATH:/srv/away/g"},
	{.name = "a directory in which no rule can match is not listed",
		"[r]\npath = /srv/site/*.md\ncommand = hook\n"
		"[s]\npath = /srv/site/**\nevents = close-write\ncommand = hook\n"
		"[t]\npath = /srv/site/**\nexclude = /srv/**\ncommand = hook\n",
		"file:modify:10:/srv/new/f rename:10:/srv/new:/srv/site/new turn "
		"count:settled:1"},
	{.name = "what fsmon itself renames is not listed",
		SITE,
		"file:modify:10:/srv/new/f rename:1000:/srv/new:/srv/site/new turn "
		"count:settled:1"},
	{.name = "what went before the directory was listed is told by its record",
		SITE,
		MOVES_IN
		"delete:10:/srv/site/new/f list turn:0 count:settled:0 "
		"ended:1:exit:0 turn >start:2:hook:/srv/site/new/d/g "
		"stdin:/srv/site/new/f+/srv/site/new/f+/srv/site/new/d+/srv/site/new/"
		"d/g+ count:settled:2"},
	{.name = "what goes after the directory was listed is not told once it has gone",
		SITE,
		MOVES_IN
		"list delete:10:/srv/site/new/f ended:1:exit:0 turn "
		">start:2:hook:/srv/site/new/d/g "
		"stdin:/srv/site/new/f+/srv/site/new/f+/srv/site/new/d+/srv/site/new/"
		"d/g+"},
	{.name = "what comes after the directory was renamed is not told as renamed",
		SITE "events = changed, create\n",
		MOVES_IN
		"create:10:/srv/site/new/h list ended:1:exit:0 turn "
		">start:2:hook:/srv/site/new/d/g "
		"stdin:/srv/site/new/h+/srv/site/new/f+/srv/site/new/d+/srv/site/new/"
		"d/g+"},
	{.name = "what has come to where an entry was is not told to have gone",
		"[r]\npath = /srv/site/**\ncommand = one\nparallel = 9\n"
		"[s]\npath = /srv/site/**\nevents = moved-from\ncommand = two\n"
		"parallel = 9\n",
		"file:modify:10:/srv/site/d/f file:modify:10:/srv/site/d/g "
		"rename:10:/srv/site/d:/srv/away turn hush mkdir:10:/srv/site/d "
		"create:10:/srv/site/d/f file:close-write:10:/srv/site/d/f "
		"rename:10:/srv/h:/srv/site/d/g turn hush list turn "
		">start:5:two:/srv/site/d/f >start:6:two:/srv/site/d/g"},
	{.name = "a directory that goes on before it was listed is listed where it is",
		"[r]\npath = /srv/site/**\ncommand = hook\nrun-per = batch\nstdin = "
		"paths\nevents = moved-from\n",
		"file:modify:10:/srv/site/a/d/g rename:10:/srv/site/a:/srv/b turn "
		">start:1:hook:/srv/site/a rename:10:/srv/b/d:/srv/c turn list turn list "
		"ended:1:exit:0 turn >start:2:hook:/srv/site/a/d/g "
		"stdin:/srv/site/a/d+/srv/site/a/d/g+ count:settled:2"},
	{.name = "a directory that is gone has nothing that records do not tell",
		SITE,
		MOVES_IN
		"delete:10:/srv/site/new/f delete:10:/srv/site/new/d/g "
		"delete:10:/srv/site/new/d delete:10:/srv/site/new list "
		"ended:1:exit:0 turn >start:2:hook:/srv/site/new "
		"stdin:/srv/site/new/f+/srv/site/new/f+/srv/site/new/d/g+/srv/site/"
		"new/d/g+/srv/site/new/d+/srv/site/new/d+/srv/site/new+ "
		"env:FSMON_TRUNCATED: count:settled:5"},
	{.name = "a directory that cannot be listed is told as a whole",
		SITE "type = file\nsize = <1\n",
		"file:modify:10:/srv/new/f rename:10:/srv/new:/srv/site/new turn list:5 "
		"turn >start:1:hook:/srv/site/new env:FSMON_EVENT:moved-to "
		"env:FSMON_TRUNCATED:1 env:FSMON_TYPE:dir stdin:/srv/site/new+ "
		"count:settled:1"},
	{.name = "a record whose path is not known makes a listed directory told as a "
		 "whole",
		SITE,
		MOVES_IN "list delete:10:/srv/x/f delete:10:/srv/x turn:1 drop "
			 "ended:1:exit:0 idle:50 >start:2:hook:/srv/site/new "
			 "env:FSMON_TRUNCATED:1 stdin:/srv/site/new+"},
	{.name = "a directory that is still being listed at the end is told as a whole",
		SITE,
		MOVES_IN "ended:1:exit:0 end >start:2:hook:/srv/site/new "
			 "env:FSMON_TRUNCATED:1 stdin:/srv/site/new+ list"},
	{.name = "rules of a reload are those of what is listed",
		SITE,
		MOVES_IN "reload hush list turn >start:2:new:/srv/site/new/f",
		.then = "[s]\npath = /srv/site/new/f\ncommand = new\n"},
	{.name = "what is below is told through each mount that shows where it was "
		 "renamed",
		"[a]\npath = /srv/sub/**\nparallel = 2\ncommand = one\n"
		"[b]\npath = /mnt/**\nparallel = 2\ncommand = two\n[c]\npath = "
		"/d/**\ncommand = three\n",
		"file:modify:10:/srv/sub/d/f rename:10:/srv/sub/d:/srv/x turn "
		">start:1:one:/srv/sub/d >start:2:two:/mnt/d list turn "
		">start:3:one:/srv/sub/d/f >start:4:two:/mnt/d/f",
		.mounts = "4 1 8:2 /sub /mnt rw - ext4 /dev/b rw\n"
			  "5 1 8:2 /sub/d /d rw - ext4 /dev/b rw\n"},

	/* What cannot be found out at once */
	{.name = "a record waits for the one that says where its directory was",
		BATCH,
		"delete:10:/srv/d/f delete:10:/srv/d turn:1 wakes:any turn-due:150 "
		"count:resolved:1 count:settled:0 "
		"turn >start:1:hook:/srv/d stdin:/srv/d/f+/srv/d+ wakes:any "
		"turn-due:never count:settled:2 count:unresolved:0"},
	{.name = "others go on while a record waits, and it has its actor of that time",
		R "parallel = 3\n",
		"fork:10:11 exec:11:rm delete:11:/srv/d/f delete:11:/srv/d turn:2 "
		"exit:11 "
		"file:close-write:10:/srv/a last turn:1 >start:1:hook:/srv/a "
		"count:resolved:3 count:settled:1 fork:10:11 exec:11:cp "
		"file:close-write:11:/srv/b last turn:2 >start:2:hook:/srv/b "
		"turn >start:3:hook:/srv/d/f env:FSMON_CMD:rm env:FSMON_EVENT:delete "
		"hush count:unknown:0 count:settled:6"},
	{.name = "a record that no rule wants waits for nothing",
		R "events = close-write\n",
		"create:10:/srv/d/f delete:10:/srv/d turn:1 count:resolved:1 wakes:any"},
	{.name = "a record is given up when nothing explains it: its filesystem lost "
		 "events",
		"[r]\npath = /srv/**\ncommand = one\n"
		"[s]\npath = /srv/**\ncommand = two\non-overflow = ignore\n"
		"[t]\npath = /home/**\ncommand = three\n",
		"delete:10:/srv/d/f delete:10:/srv/d turn:1 drop at:149 idle:1 "
		"count:unresolved:0 at:150 idle:1 >start:1:one:/srv count:unresolved:1 "
		"env:FSMON_EVENT:overflow count:overflows:0 count:settled:1"},
	{.name = "a filesystem is told to have lost events once a second",
		R "parallel = 9\n",
		"delete:10:/srv/d/f delete:10:/srv/d turn:1 drop at:150 idle:1 "
		">start:1:hook:/srv turn-due:never "
		"delete:10:/srv/e/f delete:10:/srv/e turn:1 drop "
		"delete:10:/srv/g/f delete:10:/srv/g turn:1 drop at:300 idle:1 "
		"count:unresolved:3 turn-due:1150 count:settled:1 at:1149 idle:1 "
		"at:1150 ended:1:exit:0 idle:1 >start:2:hook:/srv count:settled:3 "
		"turn-due:never"},
	{.name = "a directory that was replaced is told of where it was, and only there",
		"[r]\npath = /srv/d/f\ncommand = one\nparallel = 9\n"
		"[s]\npath = /srv/d/g\ncommand = two\n"
		"[t]\npath = /srv/**\nevents = close-write\ncommand = three\n"
		"[u]\npath = /srv/d/*\ncommand = four\non-overflow = ignore\n",
		"dir:/srv/c delete:10:/srv/d/f rename:10:/srv/c:/srv/d turn hush "
		"count:unresolved:0 dir:/srv/x rename:10:/srv/x:/srv/y turn at:150 "
		"idle:1 "
		">start:1:one:/srv/d >start:2:three:/srv/d env:FSMON_EVENT:overflow "
		"count:unresolved:1"},
	{.name = "a rename that was in the queue before a directory was gone did not do "
		 "it",
		"[r]\npath = /srv/d/f\ncommand = one\n"
		"[s]\npath = /srv/e/f\ncommand = two\n",
		"dir:/srv/c dir:/srv/a delete:10:/srv/q/f gone:/srv/q "
		"rename:10:/srv/c:/srv/e turn at:60 "
		"delete:10:/srv/d/f rename:10:/srv/a:/srv/d turn "
		"at:150 idle:1 >start:1:two:/srv/e "
		"at:199 idle:1 at:200 idle:1 >start:2:one:/srv/d"},
	{.name = "the rename may come late that has replaced a directory",
		"[r]\npath = /srv/d/f\ncommand = one\n",
		"dir:/srv/a delete:10:/srv/d/f gone:/srv/d turn at:50 "
		"rename:10:/srv/a:/srv/d turn at:150 idle:1 >start:1:one:/srv/d"},
	{.name = "a file that was moved out of a directory that is gone has its new path",
		"[r]\npath = /srv/new\ncommand = one\n",
		"rename:10:/srv/d/f:/srv/new gone:/srv/d turn at:150 idle:1 "
		">start:1:one:/srv/new env:FSMON_EVENT:moved-to env:FSMON_OLD_PATH: "
		"ended:1:exit:0 hush"},
	{.name = "a file that was moved into a directory that is gone has its old path",
		"[r]\npath = /srv/old\ncommand = one\n",
		"rename:10:/srv/old:/srv/d/f gone:/srv/d turn at:150 idle:1 "
		">start:1:one:/srv/old env:FSMON_EVENT:moved-from"},
	{.name = "what is not the end of a file in a directory that is gone is not told",
		R,
		"file:close-write:10:/srv/d/f gone:/srv/d turn at:150 idle:1 "
		"count:unresolved:1 turn-due:never"},
	{.name = "a record is resolved without others when there is no room for them",
		BATCH "events = modify, delete\n",
		"delete:10:/srv/d/f delete:10:/srv/d turn:1 drop " TEN_FILES TEN_FILES
			TEN_FILES TEN_FILES TEN_FILES TEN_FILES
		"turn hush count:resolved:61 at:150 idle:1 hush count:unresolved:1",
		.has_little_room = true},
	{.name = "what another worker has read is taken up again, and only that",
		R "parallel = 2\n",
		"file:close-write:10:/srv/a delete:10:/srv/d/f delete:10:/srv/d turn:2 "
		">start:1:hook:/srv/a "
		"count:read:2 restart turn:0 count:read:1 count:settled:0 turn "
		">start:2:hook:/srv/d/f count:read:2 count:settled:2"},
	/* Directories that nobody knew, and that have moved since. */
	{.name = "a directory that was renamed since has the path of the record",
		BATCH,
		"dir:/srv/d file:close-write:10:/srv/d/f rename:10:/srv/d:/srv/x "
		"file:close-write:10:/srv/x/g race:2 turn:1 >start:1:hook:/srv/x/g "
		"stdin:/srv/d/f+/srv/x+/srv/x/g+ count:resolved:3"},
	{.name = "a directory above that was renamed since has the path of the record",
		BATCH,
		"dir:/srv/x dir:/srv/a/b/c file:close-write:10:/srv/a/b/c/f "
		"rename:10:/srv/a/b:/srv/x/b rename:10:/srv/x:/srv/y race:2 turn:1 "
		">start:1:hook:/srv/y stdin:/srv/a/b/c/f+/srv/x/b+/srv/y+ "
		"file:close-write:10:/srv/y/b/c/f turn ended:1:exit:0 turn "
		">start:2:hook:/srv/y/b/c/f"},
	{.name = "what was looked up holds when so much is in the queue that no turn "
		 "ends it",
		R "events = close-write\n",
		"dir:/srv/d file:close-write:10:/srv/d/f rename:10:/srv/d:/srv/x "
		"turn:1 >start:1:hook:/srv/x/f"},
	{.name = "what another worker has read brings no descriptors",
		R "parallel = 2\n",
		"delete:10:/srv/d/f delete:10:/srv/d turn:1 restart turn hush "
		"count:resolved:2 count:unknown:1 count:partial:1",
		.is_degraded = true},
	{.name = "under load records gather",
		BATCH "events = modify\n",
		"file:modify:10:/srv/a turn hush wakes:any " TEN_FILES TEN_FILES TEN_FILES
			TEN_FILES TEN_FILES TEN_FILES TEN_FILES
		"turn wakes:1 at:20 idle:1 wakes:21 at:40 idle:1 wakes:41 at:60 idle:1 "
		"wakes:any"},
	{.name = "a queue that ran over is an event for rules that want it",
		"[r]\npath = /srv/**\nevents = delete\ncommand = one\n"
		"[s]\npath = /srv/**\nevents = delete\ncommand = two\n"
		"on-overflow = ignore\n",
		"at:7000 overflow turn >start:1:one:/ timed:7000 "
		"env:FSMON_EVENT:overflow "
		"count:overflows:1"},
	{.name = "an error of a filesystem is one for the rules that are for it",
		"[r]\npath = /srv/**\nevents = fs-error\ncommand = one\n"
		"[s]\npath = /home/**\nevents = fs-error\ncommand = two\n"
		"[t]\npath = /srv/**\nevents = delete\ncommand = three\n",
		"fs-error:/srv/x turn >start:1:one:/srv env:FSMON_EVENT:fs-error"},
	{.name = "a record that makes no sense is counted, and those behind it are read",
		R,
		"broken " WRITES "turn >start:1:hook:/srv/a count:malformed:1"},
	{.name = "a queue that cannot be read any more is an error", R, "unreadable"},

	/* Where */
	{.name = "a file is seen through each mount of its filesystem",
		"[a]\npath = /srv/sub/*\ncommand = one\n[b]\npath = /mnt/*\ncommand = "
		"two\n",
		"file:close-write:10:/srv/sub/f file:close-write:10:/srv/f turn "
		">start:1:one:/srv/sub/f >start:2:two:/mnt/f",
		.mounts = "4 1 8:2 /sub /mnt rw - ext4 /dev/b rw\n"},
	{.name = "a file below another mount is not seen",
		R,
		"file:close-write:10:/srv/hidden/f turn count:resolved:1 count:exact:0",
		.mounts = "4 2 8:3 /x /srv/hidden rw - ext4 /dev/c rw\n"},
	{.name = "a mount moves with a directory above it, for what comes later",
		"[r]\npath = /*/mnt/*\nrun-per = batch\nstdin = paths\ncommand = hook\n",
		"mkdir:10:/a file:close-write:10:/srv/sub/f rename:10:/a:/b "
		"file:close-write:10:/srv/sub/f rename:10:/b:/c "
		"file:close-write:10:/srv/sub/f turn >start:1:hook:/c/mnt/f "
		"stdin:/a/mnt/f+/b/mnt/f+/c/mnt/f+",
		.mounts = "4 1 8:2 /sub /a/mnt rw - ext4 /dev/b rw\n"},
	{.name = "a bind mount shows the directory that it showed, under whatever name",
		"[r]\npath = /mnt/*\nrun-per = batch\nstdin = paths\ncommand = hook\n",
		"mkdir:10:/srv/d/sub rename:10:/srv/d:/srv/e "
		"file:close-write:10:/srv/e/sub/f file:close-write:10:/srv/d/sub/g turn "
		">start:1:hook:/mnt/f stdin:/mnt/f+",
		.mounts = "4 1 8:2 /d/sub /mnt rw - ext4 /dev/b rw\n"},
	{.name = "a bind mount shows nothing when its directory is deleted",
		"[r]\npath = /mnt/*\ncommand = hook\n",
		"mkdir:10:/srv/sub delete:10:/srv/sub mkdir:10:/srv/sub "
		"file:close-write:10:/srv/sub/f turn count:exact:0 count:unresolved:0",
		.mounts = "4 1 8:2 /sub /mnt rw - ext4 /dev/b rw\n"},
	{.name = "what no rule concerns is not looked at",
		"[r]\npath = /srv/a\ncommand = hook\n",
		"file:close-write:10:/srv/b file:close-write:10:/home/a "
		"file:open:10:/srv/a "
		"turn count:read:1 count:exact:0"},
	{.name = "excluded paths have no run",
		R "exclude = **/*.tmp\n",
		"file:close-write:10:/srv/a.tmp turn rename:10:/srv/a.tmp:/srv/a turn "
		">start:1:hook:/srv/a env:FSMON_OLD_PATH:/srv/a.tmp"},
	{.name = "rules of a reload are those of the next turn",
		R,
		"file:close-write:10:/srv/a reload remount turn "
		"file:close-write:10:/home/b "
		"turn >start:1:new:/home/b file:close-write:10:/srv/c turn count:read:2 "
		"remount",
		.then = "[s]\npath = /home/**\ncommand = new\n"},

	{.name = "modifications are reported in directories whose entries a path names",
		"[r]\npath = /srv/d/*\nexclude = /srv/**\ncommand = hook\n",
		"mkdir:10:/srv/d file:modify:10:/srv/d/f file:modify:10:/srv/x/f turn "
		"count:read:1 file:modify:10:/srv/d/f turn count:read:2 "
		"rename:10:/srv/d:/srv/e turn file:modify:10:/srv/e/f turn count:read:3 "
		"mkdir:10:/srv/d turn file:modify:10:/srv/d/g turn count:read:5"},
	{.name = "modifications are reported in such a directory that was moved there",
		"[r]\npath = /srv/a/b/f\nexclude = /srv/**\ncommand = hook\n",
		"mkdir:10:/srv/x/b rename:10:/srv/x:/srv/a turn count:read:2 "
		"file:modify:10:/srv/a/b/f file:modify:10:/srv/a/b/g turn count:read:4"},

	/* Who */
	{.name = "a process is what it was when it wrote",
		R,
		WRITES "exec:11:sleep turn >start:1:hook:/srv/a env:FSMON_CMD:touch "
		       "env:FSMON_EXE:/usr/bin/touch env:FSMON_ATTRIBUTION:exact"},
	{.name = "a program that is being started when the queue is empty may have "
		 "written",
		R,
		"fork:10:11 open-exec:11:touch turn execed:11:touch "
		"file:close-write:11:/srv/a "
		"turn >start:1:hook:/srv/a env:FSMON_CMD:touch"},
	{.name = "a process that is gone is known",
		R,
		WRITES "exit:11 turn >start:1:hook:/srv/a env:FSMON_CMD:touch "
		       "env:FSMON_PPID:10 count:exact:1"},
	{.name = "a process that nobody has seen is unknown",
		R,
		"file:close-write:77:/srv/a turn >start:1:hook:/srv/a env:FSMON_CMD: "
		"env:FSMON_ATTRIBUTION:unknown count:unknown:1"},
	{.name = "a pid that is used again stands for another process",
		R "parallel = 2\n",
		WRITES "exit:11 turn >start:1:hook:/srv/a env:FSMON_CMD:touch fork:10:11 "
		       "exec:11:cp file:close-write:11:/srv/b turn >start:2:hook:/srv/b "
		       "env:FSMON_CMD:cp count:exact:2"},
	{.name = "which of two processes with a pid it was is not guessed",
		R,
		WRITES
		"turn >start:1:hook:/srv/a at:100 exit:11 fork:10:11 exec:11:cp "
		"file:close-write:11:/srv/b turn ended:1:exit:0 turn "
		">start:2:hook:/srv/b env:FSMON_CMD: env:FSMON_ATTRIBUTION:unknown"},
	{.name = "a program that was started in an earlier turn is known",
		R,
		"fork:10:11 exec:11:touch turn file:close-write:11:/srv/a exec:11:sleep "
		"turn "
		">start:1:hook:/srv/a env:FSMON_CMD:touch env:FSMON_ATTRIBUTION:exact"},
	{.name = "a process that changes its user between two records was each of them",
		R,
		"file:close-write:10:/srv/0 turn >start:1:hook:/srv/0 "
		"file:close-write:10:/srv/a uid:10:1001 file:close-write:10:/srv/b "
		"uid:10:0 file:close-write:10:/srv/c ended:1:exit:0 turn "
		">start:2:hook:/srv/a env:FSMON_UID:0 ended:2:exit:0 turn "
		">start:3:hook:/srv/b env:FSMON_UID:1001 ended:3:exit:0 turn "
		">start:4:hook:/srv/c env:FSMON_UID:0"},
	{.name = "without a connector /proc is asked, while the process is there",
		R,
		"file:close-write:10:/srv/a turn >start:1:hook:/srv/a env:FSMON_CMD:bash "
		"env:FSMON_ATTRIBUTION:partial count:partial:1",
		.is_degraded = true},
	{.name = "fsmon's own doings are not looked at",
		R,
		"file:close-write:1000:/srv/a file:close-write:1001:/srv/b turn "
		"count:resolved:2 count:unknown:0"},
	{.name = "a condition on a user waits for the name",
		R "by-user = deploy\n",
		"fork:10:11 uid:11:1001 turn file:close-write:10:/srv/root "
		"file:close-write:11:/srv/a at:7000 turn is:r:matched:0 answer pump "
		">start:1:hook:/srv/a env:FSMON_UID:1001 is:r:matched:1",
		.has_slow_names = true},

	/* What hooks do */
	{.name = "what descends from a hook does not set off its rule, others do",
		R "parallel = 2\n",
		"file:close-write:10:/srv/a turn >start:1:hook:/srv/a fork:10:11 "
		"message:started:1:11 exec:11:sh fork:11:12 exec:12:cp "
		"file:close-write:12:/srv/b turn >tag:11:1:1:1 is:r:self:1 exit:11 "
		"file:close-write:12:/srv/c turn is:r:self:2 "
		"file:close-write:10:/srv/d turn >start:2:hook:/srv/d"},
	{.name = "a hook of one rule sets off another, one deeper",
		R "[s]\npath = /home/**\ncommand = other\n",
		"file:close-write:10:/srv/a turn >start:1:hook:/srv/a fork:10:11 "
		"message:started:1:11 file:close-write:11:/home/b turn >tag:11:1:1:1 "
		">start:2:other:/home/b env:FSMON_DEPTH:1 fork:10:12 "
		"message:started:2:12 "
		"turn >tag:12:2:2:2"},
	{.name = "what came in before a hook had a tag is its doing as well",
		R,
		"file:close-write:10:/srv/a turn >start:1:hook:/srv/a fork:10:11 "
		"fork:11:12 "
		"exit:11 file:close-write:12:/srv/b turn:0 message:started:1:11 turn "
		">tag:11:1:1:1 is:r:self:1"},
	{.name = "events of a while are one batch",
		BATCH "debounce = 10ms\n",
		"file:close-write:10:/srv/a turn at:5 file:close-write:10:/srv/b turn "
		"due:15 "
		"at:15 turn >start:1:hook:/srv/b stdin:/srv/a+/srv/b+"},
	{.name = "a newer change restarts its hook",
		R "on-busy = restart\n",
		WRITES "turn >start:1:hook:/srv/a file:close-write:11:/srv/a turn "
		       ">stop:1:15 message:ended:1:signal:15 turn >start:2:hook:/srv/a "
		       "env:FSMON_COUNT:2 is:r:restarted:1"},
	{.name = "a hook that failed is run again",
		R "retry = 1\n",
		WRITES "turn >start:1:hook:/srv/a message:ended:1:exit:1 turn "
		       "is:r:retried:1 turn "
		       "at:60000 turn >start:2:hook:/srv/a"},
};

int main(void)
{
	return run_scripts(scripts, countof(scripts), run_events);
}
