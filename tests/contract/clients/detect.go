package main

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func main() {
	picture, err := os.ReadFile("scene.jpg")
	if err != nil {
		log.Fatal(err)
	}
	address := os.Getenv("RETINUE_URL") + "/shapes/1?api_key=" + url.QueryEscape(os.Getenv("RETINUE_KEY"))
	text := strings.NewReader(base64.StdEncoding.EncodeToString(picture))
	response, err := http.Post(address, "application/x-www-form-urlencoded", text)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		log.Fatal(err)
	}
}
