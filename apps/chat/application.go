// Package chat is a chat with rooms, by WebSocket. Its visitors may be connected to any of the server's child processes.
//
//	http://127.0.0.1:8000/chat/                                      in two tabs of a browser
//	curl 'http://127.0.0.1:8000/chat/messages?room=lobby&after=0'    what was said, as JSON
//
// It shows three things that an application with connections of its own has to solve where a server has several processes,
// and starts new ones whenever it likes.
//
// Messages travel from process to process through an SQLite file: a table to which each process appends, and which each
// process with visitors looks into when SQLite tells that another connection has changed the file. It asks for that 20
// times a second, which takes less than a hundredth of a processor, and not at all while nobody is there. The file is the
// only truth: what is in it reaches everyone in the same order, and a process that hangs or dies takes nothing with it and
// leaves nothing behind. Sockets between the processes would be faster by some milliseconds, but a datagram can be lost
// and the sockets of the dead have to be cleaned away, so the table would have to be looked into anyway.
//
// No message is lost when a connection ends, for whatever reason. The page keeps what it has sent until it sees it in the
// room, sends it again when it is connected again, and says which message it saw last. Each message has a key, made by the
// page, so that none is kept twice.
//
// A graceful restart ends the connections in order, with the close code 1012 "service restart"; the page then connects at
// once, to a new process. The application learns of it as a program with a server of its own does, by
// http.Server.RegisterOnShutdown.
//
// The handler returns when it has taken a connection over, and goroutines do the rest, for as long as it lasts. It then
// needs no thread of the server, unless it is one by TLS, whose bytes pass through httpd.
//
// The file is what the environment variable CHAT_DB names, which the configuration sets with
//
//	GoSetEnv CHAT_DB /var/lib/chat/chat.db
//
// or, without it, one in a private directory of the server's user under the system's temporary directory.
package chat

import (
	"fmt"
	"net/http"
)

func application() (http.Handler, error) {
	log, err := openLog()
	if err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	return newHandler(log), nil
}
