// Package gin is a web application on github.com/gin-gonic/gin.
package gin

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is the engine with its middleware.
var Application http.Handler = routes()

func routes() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // else gin prints each route to standard output
	r := gin.New()
	r.Use(gin.Recovery(), func(c *gin.Context) {
		c.Header("X-Application", "gin")
		c.Next()
	})
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "home of %s", c.FullPath()) })
	r.GET("/users/:id", user)
	r.GET("/files/*path", func(c *gin.Context) { c.String(http.StatusOK, "%s", c.Param("path")) })
	r.POST("/orders", order)
	r.POST("/form", form)
	r.POST("/upload", upload)
	r.GET("/ticks", ticks)
	r.GET("/events", events)
	r.GET("/cookies", cookies)
	r.GET("/old", func(c *gin.Context) { c.Redirect(http.StatusFound, "/users/7") })
	r.GET("/panic", func(*gin.Context) { panic("the application's own") })
	admin := r.Group("/admin", func(c *gin.Context) {
		if c.GetHeader("X-Token") != catalog.Token {
			c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "who are you?"})
		}
	})
	admin.GET("/stock", func(c *gin.Context) { c.String(http.StatusOK, "plenty") })
	return r
}

func user(c *gin.Context) {
	found, err := catalog.FindUser(c.Param("id"))
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	c.JSON(http.StatusOK, found)
}

func order(c *gin.Context) {
	var order catalog.Order
	if err := c.ShouldBindJSON(&order); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": "no JSON"})
		return
	}
	c.JSON(http.StatusCreated, order)
}

func form(c *gin.Context) {
	var order catalog.Order
	if err := c.ShouldBind(&order); err != nil {
		c.String(http.StatusBadRequest, "%s", err)
		return
	}
	c.String(http.StatusOK, "%s", order)
}

func upload(c *gin.Context) {
	head, err := c.FormFile("file")
	if err != nil {
		c.String(http.StatusBadRequest, "%s", err)
		return
	}
	file, err := head.Open()
	if err != nil {
		c.String(http.StatusInternalServerError, "%s", err)
		return
	}
	defer file.Close()
	receipt, err := catalog.Receive(c.PostForm("note"), head.Filename, file)
	if err != nil {
		c.String(http.StatusInternalServerError, "%s", err)
		return
	}
	c.JSON(http.StatusOK, receipt)
}

// ticks streams the way that gin documents: Stream calls the function until it returns false or the client goes.
func ticks(c *gin.Context) {
	n, _ := strconv.Atoi(c.Query("n"))
	next, stop := iter.Pull(catalog.Ticks(n))
	defer stop()
	c.Header("Content-Type", "text/plain")
	c.Stream(func(w io.Writer) bool {
		line, ok := next()
		if ok {
			fmt.Fprint(w, line)
		}
		return ok
	})
}

// events are server-sent events.
func events(c *gin.Context) {
	for i := range 3 {
		c.SSEvent("count", i)
		c.Writer.Flush()
	}
}

func cookies(c *gin.Context) {
	c.SetCookie("one", "1", 0, "/", "", false, true)
	c.SetCookie("two", "2", 60, "", "", false, false)
	seen, err := c.Cookie("seen")
	c.String(http.StatusOK, "%s %v", seen, err)
}
